import assert from 'node:assert/strict';
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { after, before, test } from 'node:test';
import {
  type BuildEvent,
  type BuildResult,
  type DerivationValue,
  derivation,
  openStore,
  type Store,
  source,
  toFile,
} from '../../ts/index.js';
import { requires } from '../support/requires.js';
import { leftoversIn, scriptDerivation } from '../support/scripts.js';
import { temporaryDirectory } from '../support/temporary.js';

// Real builds through the public library, as an ordinary user.
const needs = requires('user-namespaces', 'program:busybox');
const directory = temporaryDirectory('host-build');
const secret = join(directory, 'secret');
/** Where builders and tests wait for one another. */
const meeting = join(directory, 'meeting');
let store: Store;

before(async () => {
  if (needs.skip) return;
  writeFileSync(secret, 'nobody reads this');
  mkdirSync(meeting, { mode: 0o777 });
  store = await openStore({
    store: join(directory, 'root'),
    settings: { 'sandbox-paths': ['/bin/busybox', `/meeting=${meeting}`], 'max-jobs': 2, cores: 3 },
  });
});
after(() => store?.close());

/** A derivation whose shell script ends with the first command that fails; `bb` is busybox. */
function script(name: string, text: string, more: Readonly<Record<string, unknown>> = {}): DerivationValue {
  return scriptDerivation(name, `set -eu\n${text}`, more);
}

/** Waits, but not for ever, until the test has made this file. */
function waitFor(name: string): string {
  return `for try in $(bb seq 600); do bb test -e /meeting/${name} && break; bb sleep 0.1; done`;
}

async function build(wanted: DerivationValue, options: { signal?: AbortSignal } = {}): Promise<BuildResult> {
  const { results } = await store.build([wanted], options).result;
  return results[0]!;
}

/** Host path of an output that must build. */
async function built(wanted: DerivationValue, output = 'out'): Promise<string> {
  const result = await build(wanted);
  assert.equal(result.error, undefined);
  return store.local.realPath(result.outputs[output]!);
}

test('an output is canonical, registered and refers to what it names', needs, async () => {
  const dependency = script('dependency', 'echo text > $out');
  const path = await built(
    script(
      'user',
      `bb mkdir $out; bb ln -s ${dependency} $out/link; echo x > $out/file; bb chmod 750 $out/file`,
    ),
  );
  assert.equal(readlinkSync(join(path, 'link')), `${dependency}`);
  assert.equal(lstatSync(join(path, 'file')).mode & 0o7777, 0o555);
  assert.equal(statSync(path).mtimeMs, 1000);
  const info = store.local.pathInfo(`${store.local.directories.storeDir}/${basename(path)}`);
  assert.deepEqual(info?.references, [`${dependency}`]);
  assert.deepEqual(leftoversIn(store), []);
});

test('a result records how the build was sealed', needs, async () => {
  const result = await build(script('sealed', 'echo x > $out'));
  assert.equal(result.status, 'Built');
  assert.equal(result.isolation?.backend, 'linux-namespaces');
  assert.deepEqual(result.isolation?.namespaces.toSorted(), [
    'cgroup',
    'ipc',
    'mount',
    'network',
    'pid',
    'user',
    'uts',
  ]);
  assert.ok(result.isolation?.readOnlyInputs);
  assert.ok(result.stopTime >= result.startTime && result.startTime > 0);
});

test('inputs cannot be changed, and nothing beyond their closure is seen', needs, async () => {
  const input = script('input', 'bb mkdir $out; echo original > $out/file');
  await built(script('hidden', 'echo hidden > $out'));
  const path = await built(
    script(
      'attacker',
      `
      bb chmod u+w ${input} && exit 11
      bb chmod u+w ${input}/file && exit 12
      (echo hacked > ${input}/file) 2>/dev/null && exit 13
      bb mv ${input} /tmp/moved 2>/dev/null && exit 14
      bb test -e ${secret} && exit 16
      bb test -e /home && exit 17
      bb ls /nix/store > $out
      `,
    ),
  );
  const visible = readFileSync(path, 'utf8').trim().split('\n').sort();
  assert.deepEqual(visible, [basename(`${input}`), basename(path)].sort());
  assert.equal(readFileSync(join(store.local.realPath(`${input}`), 'file'), 'utf8'), 'original\n');
});

test('sources and texts are inputs', needs, async () => {
  mkdirSync(join(directory, 'tree/sub'), { recursive: true });
  writeFileSync(join(directory, 'tree/sub/a'), 'a');
  writeFileSync(join(directory, 'tree/ignored.o'), 'o');
  const tree = source(join(directory, 'tree'), { filter: (path) => !path.endsWith('.o') });
  const text = toFile('text', 'hello\n');
  const path = await built(
    script('with-sources', 'bb cat $text > $out; (cd $tree; bb find . | bb sort) >> $out', { tree, text }),
  );
  assert.equal(readFileSync(path, 'utf8'), 'hello\n.\n./sub\n./sub/a\n');
});

test('a failing builder gives its last lines and leaves nothing', needs, async () => {
  const result = await build(script('failing', 'echo one; echo two; bb mkdir $out; exit 7'));
  assert.equal(result.status, 'PermanentFailure');
  assert.equal(result.error?.code, 'ERR_BUILD_FAILED');
  assert.match(result.error.message, /^builder for '\/nix\/store\/.*-failing\.drv' failed with exit code 7$/);
  assert.deepEqual(result.error.lastLines, ['one', 'two']);
  assert.deepEqual(leftoversIn(store), []);
});

const rejected: Readonly<
  Record<string, { text: string; code: string; message: RegExp; outputs?: readonly string[] }>
> = {
  'no output': {
    text: 'true',
    code: 'ERR_OUTPUT_MISSING',
    message: /failed to produce output path for output 'out'/,
  },
  'a FIFO': { text: 'bb mkfifo $out', code: 'ERR_UNSUPPORTED_FILE', message: /unsupported type/ },
  'a FIFO inside': {
    text: 'bb mkdir $out; bb mkfifo $out/fifo',
    code: 'ERR_UNSUPPORTED_FILE',
    message: /unsupported type/,
  },
  'a world-writable output': {
    text: 'echo > $out; bb chmod 666 $out',
    code: 'ERR_OUTPUT_REJECTED',
    message: /suspicious ownership/,
  },
  'a cycle of outputs': {
    text: 'echo $dev > $out; echo $out > $dev',
    code: 'ERR_OUTPUT_REJECTED',
    message: /cycle detected in build of .* in the references of output '(out|dev)' from output '(dev|out)'/,
    outputs: ['out', 'dev'],
  },
};
for (const [what, { text, code, message, outputs }] of Object.entries(rejected)) {
  test(`${what} is refused, and nothing is left`, needs, async () => {
    const result = await build(script('rejected', text, outputs ? { outputs } : {}));
    assert.equal(result.status, 'OutputRejected');
    assert.equal(result.error?.code, code);
    assert.match(result.error.message, message);
    assert.deepEqual(leftoversIn(store), []);
  });
}

test('what cannot be built is refused in one sentence', needs, async (t) => {
  const cases: readonly (readonly [string, DerivationValue, string, RegExp])[] = [
    [
      'another platform',
      derivation({ name: 'x', system: 'riscv64-linux', builder: '/bin/sh' }),
      'ERR_PLATFORM',
      /riscv64-linux/,
    ],
    ['a feature', script('x', 'true', { requiredSystemFeatures: ['quantum'] }), 'ERR_PLATFORM', /quantum/],
    [
      'no builder',
      derivation({ name: 'x', system: 'x86_64-linux', builder: '/bin/absent' }),
      'ERR_BUILDER_MISSING',
      /^builder for '.*-x\.drv' failed with exit code 1$/,
    ],
    [
      'a store inside the sandbox',
      script('x', 'true', { requiredSystemFeatures: ['recursive-nix'] }),
      'ERR_UNSUPPORTED',
      /recursive-nix/,
    ],
    ['no sandbox', script('x', 'true', { __noChroot: true }), 'ERR_SANDBOX_REQUIRED', /__noChroot/],
  ];
  for (const [what, wanted, code, message] of cases) {
    await t.test(what, async () => {
      const result = await build(wanted);
      assert.equal(result.error?.code, code);
      assert.match(result.error.message, message);
      assert.doesNotMatch(result.error.message, /\n/);
      assert.notEqual(result.error.hint, '');
      assert.deepEqual(leftoversIn(store), []);
    });
  }
});

test('what execve said of a builder is in its log, as Nix has it there', needs, async () => {
  const absent = derivation({ name: 'absent', system: 'x86_64-linux', builder: '/bin/absent' });
  const [result] = (await store.build([absent]).result).results;
  const error = result?.error;
  const line = "error: executing '/bin/absent': No such file or directory";
  assert.deepEqual(error?.lastLines, [line]);
  assert.match(error.hint, /^The builder \/bin\/absent, or the interpreter it names, does not exist/);
  let logged = '';
  for await (const chunk of (await store.local.logs.read(absent.drvPath))!) {
    logged += Buffer.from(chunk).toString();
  }
  assert.equal(logged, `${line}\n`);
});

test('events come in order, log chunks as they are written', needs, async () => {
  const events: BuildEvent[] = [];
  const heard = join(meeting, 'heard');
  const talking = script('talking', `printf "a\\n"; ${waitFor('heard')}; printf "b\\n"; echo > $out`);
  const run = store.build([talking]);
  for await (const event of run) {
    events.push(event);
    if (event.type === 'build.log') writeFileSync(heard, '');
  }
  assert.deepEqual(
    events.map(({ type }) => type).filter((type) => type !== 'build.log'),
    ['plan', 'build.started', 'build.settling', 'build.succeeded', 'finished'],
  );
  const chunks = events.flatMap((event) => {
    return event.type === 'build.log' ? [Buffer.from(event.chunk).toString()] : [];
  });
  assert.equal(chunks.join(''), 'a\nb\n');
  assert.ok(chunks.length >= 2, 'output is not held back until the end');
  assert.equal((await run.result).exitStatus, 0);
});

test('a slow reader holds a flood of output back, and nothing of it is lost', needs, async () => {
  const megabytes = 16;
  const flood = script(
    'flood',
    `bb dd if=/dev/zero bs=1M count=${megabytes} 2>/dev/null | bb tr '\\0' x; echo > $out`,
  );
  let received = 0;
  const before = process.memoryUsage().arrayBuffers;
  let most = 0;
  const run = store.build([flood]);
  for await (const event of run) {
    if (event.type !== 'build.log') continue;
    received += event.chunk.length;
    most = Math.max(most, process.memoryUsage().arrayBuffers - before);
    if (received % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  }
  const { results } = await run.result;
  assert.equal(results[0]?.error, undefined);
  assert.equal(received, megabytes * 1024 * 1024);
  assert.ok(most < 12 * 1024 * 1024, `${most} bytes were piled up`);
  let logged = 0;
  for await (const chunk of (await store.local.logs.read(flood.drvPath))!) logged += chunk.length;
  assert.equal(logged, received);
});

test('an abort ends the build and leaves nothing', needs, async () => {
  const controller = new AbortController();
  const run = store.build([script('endless', 'echo started; bb sleep 1000')], { signal: controller.signal });
  for await (const event of run) {
    if (event.type === 'build.log') controller.abort();
  }
  const { results, exitStatus } = await run.result;
  assert.equal(results[0]?.status, 'Cancelled');
  assert.equal(exitStatus, 130);
  assert.deepEqual(leftoversIn(store), []);
});

test('one build serves all who want it, and independent builds run side by side', needs, async () => {
  const shared = script('shared', 'echo > $out');
  const users = Array.from({ length: 4 }, (_, i) =>
    script(`user-${i}`, `${waitFor('two')}; bb sleep 0.1; echo ${shared} > $out`),
  );
  const events: BuildEvent[] = [];
  const run = store.build(users);
  let running = 0;
  let most = 0;
  for await (const event of run) {
    events.push(event);
    if (event.type === 'build.started') most = Math.max(most, ++running);
    // Its builder has ended.
    if (event.type === 'build.settling') running--;
    if (running === 2) writeFileSync(join(meeting, 'two'), '');
  }
  const started = events.flatMap((event) => (event.type === 'build.started' ? [event.name] : []));
  assert.deepEqual(started.toSorted(), ['shared', 'user-0', 'user-1', 'user-2', 'user-3']);
  assert.equal(most, 2);
});

test('two builds of the same thing at once run one builder', needs, async () => {
  const wanted = script('contended', 'bb sleep 0.3; echo > $out');
  const started: string[] = [];
  const watch = async () => {
    const run = store.build([wanted]);
    for await (const event of run) if (event.type === 'build.started') started.push(event.name);
    return (await run.result).exitStatus;
  };
  assert.deepEqual(await Promise.all([watch(), watch()]), [0, 0]);
  assert.deepEqual(started, ['contended']);
});

test(
  'CVE-2026-39860: the copy of a fixed output goes where no builder could put something in its way',
  needs,
  async () => {
    const path = await built(
      script(
        'fixed',
        'for name in copy tmp out; do bb ln -s /etc/passwd $out.$name; done; printf hello > $out',
        {
          outputHashMode: 'flat',
          outputHashAlgo: 'sha256',
          outputHash: '2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824',
        },
      ),
    );
    assert.equal(readFileSync(path, 'utf8'), 'hello');
  },
);

test('a wrong fixed hash names both', needs, async () => {
  const outputHash = 'sha256-CkMIecJm+LV/QJKg+TXPP6zUi7zN5XYNR0jKQFFx6Wk=';
  const result = await build(script('wrong', 'printf other > $out', { outputHash, outputHashMode: 'flat' }));
  assert.equal(result.status, 'HashMismatch');
  assert.match(result.error?.message ?? '', /specified: sha256-CkMI.*\n {5}got: {4}sha256-[\w+/]+=$/);
});

const mayRead = process.getuid?.() === 0 ? 'root reads everything' : needs.skip;
test('an unreadable store directory is an error, not a crash', { skip: mayRead }, async () => {
  const closed = join(directory, 'closed');
  mkdirSync(closed);
  chmodSync(closed, 0o000);
  await assert.rejects(openStore({ store: closed }), { name: 'AirplantError' });
});
