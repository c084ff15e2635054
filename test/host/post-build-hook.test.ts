import assert from 'node:assert/strict';
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { BuildEvent } from '../../ts/base/events.js';
import { type DerivationValue, openStore, type SettingsInput } from '../../ts/index.js';
import { goneWithin, processesWith } from '../support/processes.js';
import { requires } from '../support/requires.js';
import { scriptDerivation } from '../support/scripts.js';
import { temporaryDirectory } from '../support/temporary.js';

const needs = requires('user-namespaces', 'program:busybox');
const directory = temporaryDirectory('post-build-hook');
let number = 0;

function hook(text: string, name = `hook-${++number}`): string {
  const file = join(directory, name);
  writeFileSync(file, `#!/bin/sh\n${text}\n`);
  chmodSync(file, 0o755);
  return file;
}

/** A derivation that nobody has built yet. */
function wanted(text = 'echo text > $out; echo more > $dev'): DerivationValue {
  return scriptDerivation(`wanted-${++number}`, text, { outputs: ['out', 'dev'] });
}

/** No process of any hook is left. */
async function allGone(): Promise<void> {
  const marker = join(directory, 'hook-');
  assert.ok(await goneWithin(marker, 20_000), `still there: ${processesWith(marker)}`);
}

const open = (program: string, settings: SettingsInput = {}) =>
  openStore({
    store: join(directory, 'store'),
    settings: { 'sandbox-paths': ['/bin/busybox'], 'post-build-hook': program, ...settings },
    env: {
      PATH: `${directory}:${process.env['PATH']}`,
      HOME: directory,
      MINE: 'kept',
      OUT_PATHS: 'not this',
    },
  });

test(
  'it is told what was built, in the environment of the caller, and may use the store',
  needs,
  async () => {
    const seen = join(directory, 'seen');
    const program = hook(`env > ${seen}; pwd >> ${seen}; echo said; echo complained >&2; cat > /dev/null`);
    const below = wanted();
    await using store = await open(program);
    const events: BuildEvent[] = [];
    const run = store.build([below]);
    for await (const event of run) events.push(event);
    const { exitStatus, results } = await run.result;
    assert.equal(exitStatus, 0, results[0]?.error?.message);
    const lines = readFileSync(seen, 'utf8').split('\n');
    assert.ok(lines.includes(`DRV_PATH=${below.drvPath}`));
    assert.ok(
      lines.includes(`OUT_PATHS=${[below.outPath, below['dev']].map(String).sort().join(' ')}`),
      lines.join(),
    );
    assert.ok(lines.includes('MINE=kept'));
    assert.ok(lines.includes(process.cwd()));
    const { realStoreDir } = store.local.directories;
    assert.ok(
      lines.some((line) => line.startsWith('store = local?') && line.includes(`real=${realStoreDir}`)),
    );
    const told = events.flatMap((event) => (event.type === 'post-build.log' ? [event.chunk] : []));
    assert.equal(Buffer.concat(told).toString(), 'said\ncomplained\n');
    const order = events
      .map(({ type }) => type)
      .filter((type) => /^(post-build\.(?!log)|build\.succeeded)/.test(type));
    assert.deepEqual(order, ['post-build.started', 'post-build.ended', 'build.succeeded']);
  },
);

test('if it fails, so does the build and what depends on it; the outputs stay valid', needs, async () => {
  const below = wanted();
  const above = scriptDerivation(`above-${number}`, 'echo $below > $out', { below });
  await using store = await open(hook('echo no; exit 7'));
  const { exitStatus, results } = await store.build([above]).result;
  assert.equal(exitStatus, 1);
  assert.equal(results[0]?.error?.code, 'ERR_DEPENDENCY_FAILED');
  assert.ok(store.local.isValid(below.outPath));
  assert.ok(!store.local.isValid(above.outPath));
  const again = await store.build([below]).result;
  assert.deepEqual([again.exitStatus, again.results[0]?.status], [0, 'AlreadyValid']);
});

test('the error says how it ended', needs, async () => {
  const ends: Readonly<Record<string, RegExp>> = {
    'exit 7': /post-build hook .*: program '.*' failed with exit code 7/,
    'kill -9 $$': /failed due to signal 9 \(Killed\)/,
  };
  for (const [text, message] of Object.entries(ends)) {
    await using store = await open(hook(text));
    const { results } = await store.build([wanted()]).result;
    assert.equal(results[0]?.error?.code, 'ERR_HOOK');
    assert.match(results[0]!.error!.message, message);
    assert.match(results[0]!.error!.hint, /outputs are valid/);
  }
});

test('a program that is not there is an error, and what was built is not lost', needs, async () => {
  for (const program of [join(directory, 'missing'), 'no-such-program', directory]) {
    const below = wanted();
    await using store = await open(program);
    const { exitStatus, results } = await store.build([below]).result;
    assert.equal(exitStatus, 1);
    assert.equal(results[0]?.error?.code, 'ERR_HOOK');
    assert.match(results[0]!.error!.message, /does not exist|is not in PATH|is not a file/);
    assert.ok(store.local.isValid(below.outPath));
  }
});

test('a name is looked up in PATH; a relative path is refused before anything is built', needs, async () => {
  const seen = join(directory, 'found');
  hook(`echo > ${seen}`, 'some-hook');
  await using store = await open('some-hook');
  assert.equal((await store.build([wanted()]).result).exitStatus, 0);
  assert.ok(existsSync(seen));
  await using other = await open('./some-hook');
  await assert.rejects(other.build([wanted()]).result, { code: 'ERR_SETTING', message: /post-build-hook/ });
});

test('a check runs it as well if nothing differs, and only then', needs, async () => {
  const seen = join(directory, 'checked');
  const program = hook(`echo $DRV_PATH >> ${seen}`);
  const same = wanted();
  const random = wanted('bb cat /proc/sys/kernel/random/uuid > $out; echo > $dev');
  {
    await using store = await open('');
    assert.equal((await store.build([same, random]).result).exitStatus, 0);
  }
  await using store = await open(program);
  assert.equal((await store.check([same, random]).result).exitStatus, 104);
  assert.equal(readFileSync(seen, 'utf8'), `${same.drvPath}\n`);
});

test('neither its time limit nor whoever stops the build leaves anything of it', needs, async () => {
  const stubborn = `trap '' TERM INT; (setsid sh -c 'while sleep 1; do :; done' $0 &); echo ready; while sleep 1; do :; done`;
  {
    await using store = await open(hook(stubborn), { 'post-build-hook-timeout': 1 });
    const { results } = await store.build([wanted()]).result;
    assert.match(results[0]?.error?.message ?? '', /did not end within 1 seconds/);
    await allGone();
  }
  const below = wanted();
  const stop = new AbortController();
  await using store = await open(hook(stubborn));
  const run = store.build([below], { signal: stop.signal });
  for await (const event of run) if (event.type === 'post-build.log') stop.abort();
  assert.equal((await run.result).results[0]?.error?.code, 'ERR_ABORTED');
  await allGone();
  assert.ok(store.local.isValid(below.outPath));
});

test('what it leaves running is gone when it ends, and a flood of output is no harm', needs, async () => {
  const daemon = `(setsid sh -c 'while sleep 1; do :; done' $0 >/dev/null 2>&1 &)`;
  await using store = await open(hook(`${daemon}; yes | head -c 20000000`));
  const run = store.build([wanted()]);
  let size = 0;
  for await (const event of run) if (event.type === 'post-build.log') size += event.chunk.length;
  assert.equal((await run.result).exitStatus, 0);
  assert.equal(size, 20_000_000);
  await allGone();
});
