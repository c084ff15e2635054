import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type BuildEvent,
  type BuildRun,
  type DerivationValue,
  derivation,
  openStore,
  type Store,
  source,
} from '../../ts/index.js';
import { requires } from '../support/requires.js';
import { temporaryDirectory } from '../support/temporary.js';

// What happens to outputs once their builder is dead, and to builds whose store is closed.
const needs = requires('user-namespaces', 'program:busybox');

/** Takes an hour or more to hash. */
const hugeOutput = 'bb mkdir $out; bb truncate -s 8796093022208 $out/huge';

async function freshStore(): Promise<Store> {
  const settings = { 'sandbox-paths': ['/bin/busybox'] };
  return await openStore({ store: join(temporaryDirectory('settle'), 'root'), settings });
}

function script(name: string, text: string, more: Readonly<Record<string, unknown>> = {}): DerivationValue {
  return derivation({
    name,
    builder: '/bin/busybox',
    args: ['sh', '-euc', `bb() { /bin/busybox "$@"; }\n${text}`],
    ...more,
  } as Parameters<typeof derivation>[0]);
}

/** Everything in the store directory that is not a valid path or a lock file. */
function leftovers(store: Store, valid: (path: string) => boolean): string[] {
  const { realStoreDir, storeDir } = store.local.directories;
  return readdirSync(realStoreDir).filter((name) => {
    return name !== '.links' && !name.endsWith('.lock') && !valid(`${storeDir}/${name}`);
  });
}

/** Calls back when the run says that it has come so far; resolves when it has ended. */
async function at(run: BuildRun, type: BuildEvent['type'], then: () => unknown): Promise<BuildEvent[]> {
  const events: BuildEvent[] = [];
  for await (const event of run) {
    events.push(event);
    if (event.type === type) then();
  }
  return events;
}

const hugeOutputs: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  'input-addressed': {},
  'fixed, as a NAR': {
    outputHashMode: 'recursive',
    outputHash: 'sha256-CkMIecJm+LV/QJKg+TXPP6zUi7zN5XYNR0jKQFFx6Wk=',
  },
};
for (const [what, attributes] of Object.entries(hugeOutputs)) {
  test(`an abort ends the hashing of a huge output (${what})`, needs, async () => {
    await using store = await freshStore();
    const controller = new AbortController();
    const run = store.build([script('huge', hugeOutput, attributes)], { signal: controller.signal });
    const events = await at(run, 'build.settling', () => setTimeout(() => controller.abort(), 100));
    const { results, exitStatus } = await run.result;
    assert.equal(results[0]?.status, 'Cancelled');
    assert.equal(results[0]?.error?.code, 'ERR_ABORTED');
    assert.equal(exitStatus, 130);
    assert.ok(events.some(({ type }) => type === 'build.cancelled'));
    assert.deepEqual(
      leftovers(store, (path) => store.local.isValid(path)),
      [],
    );
  });
}

test('an abort ends the hashing of a huge flat output', needs, async () => {
  await using store = await freshStore();
  const flat = { outputHashMode: 'flat', outputHash: 'sha256-CkMIecJm+LV/QJKg+TXPP6zUi7zN5XYNR0jKQFFx6Wk=' };
  const controller = new AbortController();
  const run = store.build([script('huge', 'bb truncate -s 8796093022208 $out', flat)], {
    signal: controller.signal,
  });
  await at(run, 'build.settling', () => setTimeout(() => controller.abort(), 100));
  assert.equal((await run.result).results[0]?.status, 'Cancelled');
});

test('an abort ends the adding of a huge source, with a filter and without', needs, async () => {
  const directory = temporaryDirectory('settle');
  mkdirSync(join(directory, 'tree'));
  const file = join(directory, 'tree/file');
  writeFileSync(file, '');
  await using store = await freshStore();
  for (const filter of [undefined, () => true]) {
    const controller = new AbortController();
    // Hashed while it is small, grown before it is copied.
    truncateSync(file, 0);
    const tree = source(join(directory, 'tree'), {
      name: `tree-${filter ? 1 : 0}`,
      ...(filter ? { filter } : {}),
    });
    const wanted = script('user', 'echo > $out', { tree });
    truncateSync(file, 8 * 2 ** 40);
    const run = store.build([wanted], { signal: controller.signal });
    setTimeout(() => controller.abort(), 200);
    await assert.rejects(run.result, { name: 'AbortError' });
    assert.deepEqual(
      leftovers(store, (path) => store.local.isValid(path)),
      [],
    );
  }
});

test('a closed store refuses work with one error', needs, async () => {
  const store = await freshStore();
  const wanted = script('late', 'echo > $out');
  const closing = store.close();
  const refused = { name: 'AirplantError', code: 'ERR_STORE_CLOSED' };
  const run = store.build([wanted]);
  for await (const event of run) assert.fail(event.type);
  await assert.rejects(run.result, refused);
  await closing;
  await store.close();
  await assert.rejects(store.build([wanted]).result, refused);
  await assert.rejects(store.instantiate(wanted), refused);
  await assert.rejects(store.plan([wanted]), refused);
  await assert.rejects(store.showSandbox(wanted.drvPath), refused);
  await assert.rejects(store.local.addText({ name: 'x', contents: '', references: [] }), refused);
  assert.throws(() => store.local.isValid(wanted.drvPath), refused);
  assert.throws(() => store.local.validPaths(), refused);
});

const phases: readonly (readonly [string, string, BuildEvent['type']])[] = [
  ['before it starts', 'bb sleep 1000', 'plan'],
  ['while its builder runs', 'echo started; bb sleep 1000', 'build.log'],
  ['while its output is hashed', hugeOutput, 'build.settling'],
];
for (const [when, text, type] of phases) {
  test(`closing a store stops a build ${when} and waits until nothing is left of it`, needs, async () => {
    const store = await freshStore();
    const done = script('done', 'echo > $out');
    await store.build([done]).result;
    const closed: Promise<unknown>[] = [];
    let left: string[] | undefined;
    const isDone = (path: string) => path === `${done}` || path.endsWith('.drv');
    const run = store.build([script('running', text)]);
    await at(run, type, () => {
      closed.push(store.close(), store.close());
      closed[0]!.then(() => {
        left = leftovers(store, isDone);
      });
    });
    const { results } = await run.result;
    assert.equal(results[0]?.status, 'Cancelled');
    assert.equal(results[0]?.error?.code, 'ERR_ABORTED');
    await Promise.all(closed);
    assert.deepEqual(left, []);
  });
}

test(
  'closing a store from inside the loop over the events of a flood does not wait for the loop',
  needs,
  async () => {
    const store = await freshStore();
    let closed = false;
    const run = store.build([script('flood', 'while true; do bb head -c 1000000 /dev/zero; done')]);
    for await (const event of run) {
      if (closed || event.type !== 'build.log') continue;
      // By then there is more than a reader may leave unread: the builder's terminal is held back.
      await sleep(300);
      await store.close();
      closed = true;
    }
    assert.equal((await run.result).results[0]?.status, 'Cancelled');
  },
);

test('closing a store stops what is done to the store on disk', needs, async () => {
  const store = await freshStore();
  const file = join(temporaryDirectory('settle'), 'huge');
  writeFileSync(file, '');
  truncateSync(file, 8 * 2 ** 40);
  const adding = assert.rejects(store.local.addPath({ name: 'huge', source: file }), { code: 'ERR_ABORTED' });
  await sleep(100);
  await store.close();
  await adding;
  assert.deepEqual(
    leftovers(store, () => false),
    [],
  );
});

test(
  'CVE-2021-43860, CVE-2022-21682, CVE-2023-28101: names a builder chose are escaped in errors',
  needs,
  async () => {
    await using store = await freshStore();
    const name = "$(printf 'a\\033[31m\\n\\377\\302\\233b')";
    const cases: readonly (readonly [string, string, RegExp])[] = [
      [
        `bb mkdir $out; bb mkfifo $out/"${name}"`,
        'ERR_UNSUPPORTED_FILE',
        /a\\x1b\[31m\\x0a\\xff\\x9bb' has an/,
      ],
      [
        `d=$out; for i in $(bb seq 70); do d="$d/${name}"; done; bb mkdir -p "$d"`,
        'ERR_OUTPUT_REJECTED',
        /a\\x1b\[31m\\x0a\\xff\\x9bb/,
      ],
      [`printf 'last \\033]0;words\\007\\302\\233 line\\n'; exit 1`, 'ERR_BUILD_FAILED', /exit code 1/],
    ];
    for (const [text, code, message] of cases) {
      const run = store.build([script('hostile', text)]);
      const failed = (await at(run, 'build.failed', () => {})).find(({ type }) => type === 'build.failed');
      const { error } = (await run.result).results[0]!;
      assert.equal(error?.code, code);
      assert.match(error.message, message);
      const said = [error.message, error.hint, ...(error.lastLines ?? [])];
      const told = failed?.type === 'build.failed' ? [failed.message, failed.hint, ...failed.lastLines] : [];
      assert.ok(told.length >= 2);
      for (const one of [...said, ...told]) assert.doesNotMatch(one, /[\p{Cc}\p{Cs}]/u);
    }
  },
);

test('Ctrl-C ends hashing, dumping and building on the command line', needs, async () => {
  const directory = temporaryDirectory('settle');
  const file = join(directory, 'huge');
  writeFileSync(file, '');
  truncateSync(file, 8 * 2 ** 40);
  const module = join(directory, 'huge.mjs');
  const library = new URL('../../ts/index.js', import.meta.url).href;
  const args = ['sh', '-euc', 'echo ready; /bin/busybox truncate -s 8796093022208 $out'];
  writeFileSync(
    module,
    `import { derivation } from ${JSON.stringify(library)};
     export const settings = { 'sandbox-paths': ['/bin/busybox'] };
     export default derivation({ name: 'huge', builder: '/bin/busybox', args: ${JSON.stringify(args)} });`,
  );
  const main = new URL('../../ts/main.js', import.meta.url).pathname;
  const root = join(directory, 'root');
  const build = ['build', '--no-link', '--progress', 'json', '--store', root, module];
  const cases: readonly (readonly [string[], string | undefined])[] = [
    [['hash', 'path', file], undefined],
    [['hash', 'file', file], undefined],
    [['nar', 'dump', file], undefined],
    [build, 'build.settling'],
  ];
  for (const [words, ready] of cases) {
    const child = spawn(process.execPath, [main, ...words], { stdio: ['ignore', 'pipe', 'pipe'] });
    child.stdout.resume();
    let said = '';
    child.stderr.on('data', (chunk) => {
      said += chunk;
    });
    const exit = once(child, 'exit');
    while (ready !== undefined && !said.includes(ready) && child.exitCode === null) await sleep(10);
    await sleep(500);
    child.kill('SIGINT');
    const [status, signal] = await exit;
    assert.ok(status === 130 || signal === 'SIGINT', `${words.join(' ')}: ${status} ${signal} ${said}`);
  }
  const names = readdirSync(join(root, 'nix/store')).filter((name) => !/\.(drv|lock)$/.test(name));
  assert.deepEqual(
    names.filter((name) => name !== '.links'),
    [],
  );
});
