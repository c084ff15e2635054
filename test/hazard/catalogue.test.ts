import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, openSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { basename, join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { derivation, openStore, type Store, source } from '../../ts/index.js';
import { native } from '../../ts/native.js';
import { compileFixture } from '../support/compile.js';
import { processesWith } from '../support/processes.js';
import { missingCalls, requires } from '../support/requires.js';
import { leftoversIn } from '../support/scripts.js';
import { temporaryDirectory } from '../support/temporary.js';
import { aftermath, type Scene } from './aftermath.js';
import { type Context, catalogue, type Outcome } from './catalogue.js';
import { catalogueWithout } from './lesser-catalogue.js';

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
const oomScore = Number(readFileSync('/proc/self/oom_score_adj', 'utf8'));
const inControl: Context = { inputs: [], nested: true, descriptors, oomScore };

/** The table for this kernel. */
const expected = catalogueWithout(missingCalls);

type Attempts = ReadonlyMap<string, string>;

/** Where its output is, and its log, once a hostile builder has ended. */
type Ended = Pick<Scene, 'out' | 'link'> & { readonly log: string };

before(async () => {
  if (needs.skip) return;
  probe = compileFixture('hostile');
  const canary = join(directory, 'canary');
  const foreign = join(directory, 'foreign');
  writeFileSync(canary, 'seen', { mode: 0o644 });
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
  const handsOut = spawn(probe, ['hand-out', `${shared}-file`, canary], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  await once(handsOut.stdout, 'data');
  closing = [
    () => rmSync(`/dev/shm/${shared}`),
    () => execFileSync(probe, ['uproot', number]),
    () => holder.stdin.end(),
    () => handsOut.stdin.end(),
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
    HANDS_OUT: `${shared}-file`,
    SOCKET: join(directory, 'socket'),
    STATE: directory,
    OOM_SCORE: String(oomScore),
    TIME: String(Math.floor(Date.now() / 1000)),
  };
});
after(() => {
  for (const close of closing) close();
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
          name.join(' ') in (catalogue[id!]?.attempts ?? {}) ||
          (!nested && attempt.endsWith('capable namespace'))
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
  const attempts = await inBareNamespace();
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

/** The probe as the builder of a real derivation, its output that builder's log; and what is seen when it has ended. */
async function inSandbox(nested: boolean): Promise<{ attempts: Attempts; context: Context }> {
  const program = source(probe, { name: 'hostile' });
  const input = derivation({
    name: 'input',
    system: 'x86_64-linux',
    builder: '/bin/busybox',
    args: ['sh', '-c', '/bin/busybox mkdir $out; echo text > $out/file'],
  });
  const path = `${input}`;
  const marker = `${shared}-${nested}`;
  const attack = derivation({
    name: `attack-${nested}`,
    system: 'x86_64-linux',
    builder: '/bin/busybox',
    outputs: ['out', 'link'],
    // The probe is not the builder itself: what it does to its parent must not end the build before its end.
    args: ['sh', '-c', 'HAZARD_OUT=$out HAZARD_LINK=$link "$program" rows; true'],
    program,
    ...prefixed({
      ...host,
      INPUT: path,
      LINKED: `${path}/file`,
      STORE: '/nix/store',
      BUILD: '/build',
      INIT: '1',
      MARKER: marker,
    }),
  } as Parameters<typeof derivation>[0]);
  const store = await openStore({
    store: join(directory, 'root'),
    settings: {
      'sandbox-paths': ['/bin/busybox'],
      'allow-nested-namespaces': nested,
      'sandbox-dev-shm-size': '1m',
    } as never,
  });
  const attempts = await attacked(marker, async () => {
    const run = store.build([attack]);
    let log = '';
    for await (const event of run) if (event.type === 'build.log') log += Buffer.from(event.chunk).toString();
    const { results } = await run.result;
    assert.equal(results[0]!.error, undefined, log);
    const { out, link } = results[0]!.outputs;
    return { log, out: store.local.realPath(out!), link: store.local.realPath(link!) };
  });
  const { out } = attack as unknown as Record<'out', string>;
  attempts.set('O10 file', await sameAsRegistered(store, `${out}`));
  assert.deepEqual(leftoversIn(store), []);
  store.close();
  return {
    attempts,
    context: { ...inControl, inputs: [basename(`${program}`), basename(path)], nested },
  };
}

/** The same probe in a user and mount namespace and nothing more, all of it on copies. */
async function inBareNamespace(): Promise<Attempts> {
  const work = join(directory, 'bare');
  const [input, build, out, link] = ['input', 'build', 'out', 'link'].map((name) => join(work, name)) as [
    string,
    string,
    string,
    string,
  ];
  mkdirSync(input, { recursive: true });
  mkdirSync(build);
  for (const file of [join(input, 'file'), join(work, 'linked')]) writeFileSync(file, 'original');
  // Mounted and read-only as in a sandbox, then left alone: what is in the way there is not in the way here.
  // Its name is not that of any sandbox, whatever the machine's is.
  const script =
    'HAZARD_INIT=$$; export HAZARD_INIT; busybox hostname control; mount --bind "$0" "$0"; "$1" rows; true';
  const marker = `${shared}-bare`;
  const linked = join(work, 'linked');
  const places = { INPUT: input, LINKED: linked, STORE: directory, BUILD: build, OUT: out, LINK: link };
  try {
    const attempts = await attacked(marker, async () => {
      // Files, which are read without waiting for whoever else has them open.
      const [log, errors] = [join(work, 'log'), join(work, 'errors')];
      const child = spawn('unshare', ['-Urmu', 'sh', '-c', script, input, probe], {
        stdio: ['ignore', openSync(log, 'w'), openSync(errors, 'w'), openSync('/etc/passwd', 'r')],
        env: { ...process.env, ...prefixed({ ...host, ...places, MARKER: marker }) },
      });
      await once(child, 'exit');
      assert.equal(readFileSync(errors, 'utf8'), '');
      return { log: readFileSync(log, 'utf8'), out, link };
    });
    attempts.set('O10 file', await changesLater(join(out, 'growing')));
    return attempts;
  } finally {
    for (const pid of processesWith(marker)) process.kill(pid, 'SIGKILL');
    rmSync(join('/tmp', marker), { force: true });
  }
}

/** What a hostile builder says, and what is seen when it has ended. */
async function attacked(marker: string, attack: () => Promise<Ended>): Promise<Map<string, string>> {
  const bystander = spawn(probe, ['bystander', marker], { stdio: ['pipe', 'pipe', 'inherit'] });
  await once(bystander.stdout, 'data');
  try {
    const { log, ...places } = await attack();
    const scene = { ...places, probe, marker, canary: host['CANARY']!, bystander: bystander.pid! };
    return new Map([...parse(log), ...aftermath(scene)]);
  } finally {
    bystander.stdin.end();
  }
}

async function sameAsRegistered({ local }: Store, path: string): Promise<string> {
  const { hash } = await native.hashTree(local.realPath(path), []);
  return hash === local.pathInfo(path)!.narHash.hex ? 'as registered' : 'changed';
}

/** Comes true as soon as whoever writes to it is given the processor. */
async function changesLater(file: string): Promise<string> {
  const { size } = statSync(file);
  while (statSync(file).size === size) await sleep(10);
  return 'changed';
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
