import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { basename, join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { derivation, openStore, source } from '../../ts/index.js';
import { compileFixture } from '../support/compile.js';
import { removableCalls } from '../support/lesser-kernel.js';
import { missingCalls, requires } from '../support/requires.js';
import { temporaryDirectory } from '../support/temporary.js';
import { type Context, catalogue, elsewhere, type Outcome } from './catalogue.js';
import { catalogueWithout, takes } from './lesser-catalogue.js';

// Not as root: in the control some attempts would do harm.
const needs =
  process.getuid?.() === 0
    ? { skip: 'for an ordinary user' }
    : requires('user-namespaces', 'program:busybox', 'program:cc');
const directory = temporaryDirectory('catalogue');
const number = String(process.pid);
const shared = `hazard-${process.pid}`;
let probe: string;
let closing: (() => void)[] = [];
let host: Record<string, string>;

/** This process's own: nothing on the way to a builder raises or lowers it. */
const descriptors = Number(
  /^Max open files +\d+ +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1],
);
const inControl: Context = { inputs: [], nested: true, descriptors };

/** The table for this kernel. */
const expected = catalogueWithout(missingCalls);

type Attempts = ReadonlyMap<string, string>;

before(async () => {
  if (needs.skip) return;
  probe = compileFixture('hostile');
  const canary = join(directory, 'canary');
  const foreign = join(directory, 'foreign');
  writeFileSync(canary, 'seen');
  writeFileSync(foreign, 'seen');
  writeFileSync(`/dev/shm/${shared}`, 'seen');
  execFileSync(probe, ['plant', number]);
  const servers = await Promise.all([
    listen({ path: join(directory, 'socket') }),
    listen({ host: '127.0.0.1', port: 0 }),
  ]);
  const holder = spawn(probe, ['hold', shared], { stdio: ['pipe', 'pipe', 'inherit'] });
  const [key, keyring] = String((await once(holder.stdout, 'data'))[0])
    .trim()
    .split(' ');
  closing = [
    () => rmSync(`/dev/shm/${shared}`),
    () => execFileSync(probe, ['uproot', number]),
    () => holder.stdin.end(),
    ...servers.map((server) => () => server.close()),
  ];
  host = {
    CANARY: canary,
    FOREIGN: foreign,
    HANDLE: handleOf(foreign),
    PROCESS: String(process.pid),
    KEY: shared,
    KEY_ID: key!,
    KEYRING_ID: keyring!,
    NUMBER: number,
    SHM: shared,
    PORT: String((servers[1]!.address() as { port: number }).port),
    ABSTRACT: shared,
    SOCKET: join(directory, 'socket'),
    STATE: directory,
  };
});
after(() => {
  for (const close of closing) close();
});

test('every row of the catalogue is tried somewhere', () => {
  const sizes = { F: 14, P: 10, D: 8, I: 10, N: 11, C: 6, U: 8, S: 17, X: 11, O: 15, L: 4 };
  const ids = Object.entries(sizes).flatMap(([letter, size]) =>
    Array.from({ length: size }, (_, index) => `${letter}${index + 1}`),
  );
  assert.equal(ids.length, 114);
  assert.deepEqual([...Object.keys(catalogue), ...Object.keys(elsewhere)].sort(), ids.sort());
  for (const [id, [file, title]] of Object.entries(elsewhere)) {
    const text = readFileSync(new URL(`../${file}.test.js`, import.meta.url), 'utf8');
    assert.ok(text.includes(title), `${file} has no test '${title}' for ${id}`);
  }
});

test('the tables for lesser kernels name attempts that there are, and calls that can be taken away', () => {
  for (const [attempt, calls] of Object.entries(takes)) {
    const [id, ...name] = attempt.split(' ');
    assert.ok(name.join(' ') in catalogue[id!]!.attempts, attempt);
    for (const call of calls) assert.ok(removableCalls.includes(call), call);
  }
});

test('what is allowed, and what the kernel alone refuses, is said on the page about security', () => {
  const page = readFileSync(fileURLToPath(new URL('../../../docs/security.md', import.meta.url)), 'utf8');
  for (const [id, { attempts }] of Object.entries(catalogue)) {
    const kinds = Object.values(attempts).map((outcome) => outcome.kind);
    if (!kinds.includes('allowed') && kinds.includes('blocked')) continue;
    assert.match(page, new RegExp(`^\\| (\\w+, )*${id}[ ,]`, 'm'), `docs/security.md has no row for ${id}`);
  }
});

for (const nested of [true, false]) {
  test(`a hostile builder, nested namespaces ${nested ? 'allowed' : 'forbidden'}`, needs, async (t) => {
    const { attempts, context } = await inSandbox(nested);
    for (const [id, row] of Object.entries(expected)) {
      await t.test(`${id}: ${row.title}`, whyNot(id), () => {
        assert.equal(attempts.get(`${id} crash`), undefined);
        for (const [name, outcome] of Object.entries(row.attempts)) {
          if (!nested && name.startsWith('capable ')) continue;
          if (needsI386(name, attempts.get(`${id} ${name}`))) continue;
          expectOutcome(name, attempts.get(`${id} ${name}`), outcome.sandbox, context);
        }
      });
    }
    await t.test('every attempt has an expected outcome', () => {
      const known = (attempt: string) => {
        const [id, ...name] = attempt.split(' ');
        return (
          name.join(' ') in catalogue[id!]!.attempts || (!nested && attempt.endsWith('capable namespace'))
        );
      };
      assert.deepEqual(
        [...attempts.keys()].filter((attempt) => !known(attempt)),
        [],
      );
    });
  });
}

test('without the sandbox they succeed', needs, async (t) => {
  const attempts = inBareNamespace();
  for (const [id, row] of Object.entries(expected)) {
    // What only a sandbox has to offer: a process 1 that may be killed, and orphans that are its own.
    if (id === 'I3' || id === 'I5') continue;
    await t.test(`${id}: ${row.title}`, whyNot(id), () => {
      for (const [name, outcome] of Object.entries(row.attempts)) {
        if (outcome.kind === 'allowed') continue;
        const seen = attempts.get(`${id} ${name}`);
        if (needsI386(name, seen)) continue;
        if (outcome.bare === 'different') {
          assert.notEqual(seen, undefined, name);
          const same = () => expectOutcome(name, seen, outcome.sandbox, inControl);
          assert.throws(same, assert.AssertionError, name);
        } else {
          expectOutcome(name, seen, outcome.bare, inControl);
        }
      }
    });
  }
});

const noHandle = '0:';

/** As the attempts take it: its type and its bytes. */
function handleOf(file: string): string {
  const { status, stdout, stderr } = spawnSync(probe, ['print-handle', file], { encoding: 'utf8' });
  assert.ok(status === 0 || /not supported/i.test(stderr), stderr);
  return status === 0 ? stdout : noHandle;
}

/** Why a row cannot be tried on this machine. */
function whyNot(id: string): { skip: string | false } {
  return { skip: id === 'F8' && host['HANDLE'] === noHandle && 'file handles are not on this file system' };
}

/** A kernel that runs no 32-bit programs, of which the probe has made sure. */
function needsI386(attempt: string, seen: string | undefined): boolean {
  return attempt.endsWith('-i386') && seen === 'ENOEXEC';
}

/** The probe as the builder of a real derivation, its output that builder's log. */
async function inSandbox(nested: boolean): Promise<{ attempts: Attempts; context: Context }> {
  const program = source(probe, { name: 'hostile' });
  const input = derivation({
    name: 'input',
    system: 'x86_64-linux',
    builder: '/bin/busybox',
    args: ['sh', '-c', '/bin/busybox mkdir $out; echo text > $out/file'],
  });
  const path = `${input}`;
  const attack = derivation({
    name: `attack-${nested}`,
    system: 'x86_64-linux',
    builder: '/bin/busybox',
    // The probe is not the builder itself: what it does to its parent must not end the build before its end.
    args: ['sh', '-c', `"$program" rows; echo > $out`],
    program,
    ...prefixed({
      ...host,
      INPUT: path,
      LINKED: `${path}/file`,
      STORE: '/nix/store',
      BUILD: '/build',
      INIT: '1',
    }),
  } as Parameters<typeof derivation>[0]);
  const store = await openStore({
    store: join(directory, 'root'),
    settings: { 'sandbox-paths': ['/bin/busybox'], 'allow-nested-namespaces': nested } as never,
  });
  const run = store.build([attack]);
  let log = '';
  for await (const event of run) if (event.type === 'build.log') log += Buffer.from(event.chunk).toString();
  const { results } = await run.result;
  store.close();
  assert.equal(results[0]!.error, undefined, log);
  return {
    attempts: parse(log),
    context: { inputs: [basename(`${program}`), basename(path)], nested, descriptors },
  };
}

/** The same probe in a user and mount namespace and nothing more, all of it on copies. */
function inBareNamespace(): Attempts {
  const work = join(directory, 'bare');
  const [input, build] = [join(work, 'input'), join(work, 'build')];
  mkdirSync(input, { recursive: true });
  mkdirSync(build);
  for (const file of [join(input, 'file'), join(work, 'linked')]) writeFileSync(file, 'original');
  // Mounted and read-only as in a sandbox, then left alone: what is in the way there is not in the way here.
  // Its name is not that of any sandbox, whatever the machine's is.
  const script =
    'HAZARD_INIT=$$; export HAZARD_INIT; busybox hostname control; mount --bind "$0" "$0"; "$1" rows; true';
  const leaked = openSync('/etc/passwd', 'r');
  const { stdout, stderr } = spawnSync('unshare', ['-Urmu', 'sh', '-c', script, input, probe], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe', leaked],
    env: {
      ...process.env,
      ...prefixed({ ...host, INPUT: input, LINKED: join(work, 'linked'), STORE: directory, BUILD: build }),
    },
  });
  assert.equal(stderr, '');
  return parse(stdout);
}

function prefixed(values: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [`HAZARD_${name}`, value]));
}

function parse(text: string): Attempts {
  const lines = text.split(/\r?\n/).filter((line) => line.startsWith('{'));
  assert.ok(lines.length > 150, text);
  return new Map(
    lines.map((line) => {
      const { id, attempt, outcome } = JSON.parse(line) as Record<string, string>;
      return [`${id} ${attempt}`, outcome!];
    }),
  );
}

function expectOutcome(
  name: string,
  seen: string | undefined,
  expected: Outcome['sandbox'],
  context: Context,
): void {
  if (expected instanceof RegExp) assert.match(seen ?? 'not tried', expected, name);
  else assert.equal(seen, typeof expected === 'function' ? expected(context) : expected, name);
}

async function listen(options: { path: string } | { host: string; port: number }): Promise<Server> {
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => server.listen(options, resolve));
  return server;
}
