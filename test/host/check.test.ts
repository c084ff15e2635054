import assert from 'node:assert/strict';
import { chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { DatabaseSync } from '@photostructure/sqlite';
import {
  type BuildEvent,
  type CheckResult,
  type DerivationValue,
  openStore,
  type Store,
} from '../../ts/index.js';
import { goneWithin, processesWith } from '../support/processes.js';
import { requires } from '../support/requires.js';
import { leftoversIn, scriptDerivation } from '../support/scripts.js';
import { temporaryDirectory } from '../support/temporary.js';

// Real checks through the public library, as an ordinary user.
const needs = requires('user-namespaces', 'program:busybox');
const directory = temporaryDirectory('host-check');
const root = join(directory, 'root');
const settings = { 'sandbox-paths': ['/bin/busybox'], 'max-jobs': 2 };
let store: Store;

before(async () => {
  if (!needs.skip) store = await openStore({ store: root, settings });
});
after(() => store?.close());

const script = (name: string, text: string, more: Readonly<Record<string, unknown>> = {}) =>
  scriptDerivation(name, `set -eu\n${text}`, more);

/** A builder whose output is another one each time. */
const random = 'bb cat /proc/sys/kernel/random/uuid';

async function check(wanted: DerivationValue, options: Parameters<Store['check']>[1] = {}) {
  const run = store.check([wanted], options);
  const events: BuildEvent[] = [];
  for await (const event of run) events.push(event);
  const { results, exitStatus } = await run.result;
  return { events, exitStatus, result: results[0]! as CheckResult };
}

test('what was never built is built twice, and comes out the same', needs, async () => {
  const sound = script('sound', 'echo always > $out');
  const { result, events, exitStatus } = await check(sound);
  assert.equal(exitStatus, 0);
  assert.equal(result.status, 'Same');
  assert.equal(events.filter(({ type }) => type === 'build.started').length, 2);
  assert.deepEqual(
    result.outputs.map(({ name, path, kept }) => ({ name, path, kept })),
    [{ name: 'out', path: `${sound}`, kept: undefined }],
  );
  assert.deepEqual(
    result.rounds.map(({ differing }) => differing),
    [[]],
  );
  assert.deepEqual(leftoversIn(store), []);
});

test('only what was asked for is named in the end, not what that needs', needs, async () => {
  const inputs = [script('fails-here', 'exit 1'), script('fails-there', 'exit 1')];
  const wanted = script('unchecked', `bb cat ${inputs.join(' ')} > $out`);
  const { events, result } = await check(wanted);
  assert.equal(result.status, 'DependencyFailed');
  const named = events.flatMap((event) =>
    'wantedFailed' in event ? [[event.type, event.wantedFailed]] : [],
  );
  assert.deepEqual(named, [
    ['finished', []],
    ['check.finished', [result.drvPath]],
  ]);
});

test('all outputs are compared, those that differ are kept, and the store is left alone', needs, async () => {
  const wanted = script('some', `echo same > $out; ${random} > $dev; bb mkdir $doc; ${random} > $doc/x`, {
    outputs: ['out', 'dev', 'doc'],
  });
  const { result, events, exitStatus } = await check(wanted);
  assert.equal(exitStatus, 104);
  assert.equal(result.status, 'NotDeterministic');
  assert.deepEqual(
    result.rounds.map(({ differing }) => differing),
    [['dev', 'doc']],
  );
  const [dev, doc, out] = result.outputs;
  assert.equal(out?.kept, undefined);
  assert.equal(dev?.kept, `${dev?.path}.check`);
  assert.equal(
    result.error?.message,
    [dev, doc]
      .map((output) => store.local.realPath(output!.path))
      .map(
        (real) =>
          `derivation '${wanted.drvPath}' may not be deterministic: output '${real}' differs from '${real}.check'`,
      )
      .join('\n'),
  );
  assert.equal(events.filter(({ type }) => type === 'build.failed').length, 1);
  const real = store.local.realPath(dev!.path);
  assert.match(readFileSync(real, 'utf8'), /^[0-9a-f-]{36}\n$/);
  assert.match(readFileSync(`${real}.check`, 'utf8'), /^[0-9a-f-]{36}\n$/);
  assert.notEqual(readFileSync(real, 'utf8'), readFileSync(`${real}.check`, 'utf8'));
  assert.ok(!store.local.isValid(`${dev!.path}.check`));

  const earlier = readFileSync(`${real}.check`, 'utf8');
  await check(wanted);
  assert.notEqual(readFileSync(`${real}.check`, 'utf8'), earlier, 'the older one was replaced');
  assert.deepEqual(leftoversIn(store).sort(), [dev, doc].map((output) => basename(output!.kept!)).sort());
});

test('it is built as often as asked, and no longer than until something differs', needs, async () => {
  const { result } = await check(script('rounds', 'echo always > $out'), { rounds: 3 });
  assert.equal(result.rounds.length, 3);
  const { result: other } = await check(script('rounds-random', `${random} > $out`), { rounds: 5 });
  assert.equal(other.rounds.length, 1);
});

test('a rebuild that fails is a failed build', needs, async () => {
  const once = join(directory, 'once');
  writeFileSync(once, 'there');
  const own = await openStore({
    store: root,
    settings: { ...settings, 'sandbox-paths': ['/bin/busybox', `/once=${once}?`] },
  });
  const flaky = script('flaky', 'bb test -e /once || exit 3; echo x > $out');
  await own.build([flaky]).result;
  rmSync(once);
  await own.close();
  const { result, exitStatus } = await check(flaky);
  assert.equal(exitStatus, 100);
  assert.equal(result.status, 'PermanentFailure');
  assert.equal(result.error?.message, `builder for '${flaky.drvPath}' failed with exit code 3`);
});

test(
  'a fixed output that comes out otherwise is kept, told to the diff hook, and a hash mismatch',
  needs,
  async () => {
    const switched = join(directory, 'switched');
    rmSync(switched, { force: true });
    const shown = { ...settings, 'sandbox-paths': ['/bin/busybox', `/switched=${switched}?`] };
    const hash = '2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824';
    const fixed = script('fixed', 'if bb test -e /switched; then echo other; else printf hello; fi > $out', {
      ...{ outputHashMode: 'flat', outputHashAlgo: 'sha256', outputHash: hash },
    });
    const hook = join(directory, 'fixed-hook');
    writeFileSync(hook, '#!/bin/sh\necho "differs: $(cat "$1") $(cat "$2")"\n');
    chmodSync(hook, 0o755);
    await using own = await openStore({
      store: root,
      settings: { ...shown, 'diff-hook': hook, 'run-diff-hook': true },
    });
    assert.equal((await own.build([fixed]).result).exitStatus, 0);
    writeFileSync(switched, '');
    await using again = await openStore({
      store: root,
      settings: { ...shown, 'diff-hook': hook, 'run-diff-hook': true },
    });
    for (const vary of [[], ['umask']] as const) {
      const run = again.check([fixed], { vary });
      const said: string[] = [];
      for await (const event of run) if (event.type === 'check.diff') said.push(event.text);
      const { results, exitStatus } = await run.result;
      const [result] = results;
      assert.equal(exitStatus, 102);
      assert.equal(result?.status, 'HashMismatch');
      assert.match(result?.error?.message ?? '', /^hash mismatch in fixed-output derivation/);
      assert.deepEqual(said, ['differs: hello other']);
      assert.equal(result?.outputs[0]?.kept, `${fixed}.check`);
      assert.equal(readFileSync(`${again.local.realPath(`${fixed}`)}.check`, 'utf8'), 'other\n');
      assert.equal(readFileSync(again.local.realPath(`${fixed}`), 'utf8'), 'hello');
    }
    // What comes out the same the next time leaves nothing of it.
    rmSync(switched);
    await using last = await openStore({ store: root, settings: shown });
    assert.equal((await last.check([fixed]).result).exitStatus, 0);
    assert.ok(!existsSync(`${last.local.realPath(`${fixed}`)}.check`));
  },
);

test("Nix's rule: nothing is built that was not built before", needs, async () => {
  const fresh = script('fresh', 'echo x > $out');
  const { result, exitStatus } = await check(fresh, { buildMissing: false });
  assert.equal(exitStatus, 1);
  assert.equal(
    result.error?.message,
    `some outputs of '${fresh.drvPath}' are not valid, so checking is not possible`,
  );
  assert.ok(!store.local.isValid(`${fresh}`));
});

test("Nix's rule: not even what it needs is built, and its message is there", needs, async () => {
  const dependency = script('unbuilt-dependency', 'echo x > $out');
  const fresh = script('fresh-with-input', `bb cat ${dependency} > $out`);
  const { result, events, exitStatus } = await check(fresh, { buildMissing: false });
  const message = `some outputs of '${fresh.drvPath}' are not valid, so checking is not possible`;
  assert.equal(exitStatus, 1);
  assert.equal(result.error?.message, message);
  assert.ok(!store.local.isValid(`${dependency}`));
  assert.deepEqual(
    events.flatMap((event) => (event.type === 'build.failed' ? [event.message] : [])),
    [message],
  );
});

test('one that was never built and fails has failed itself', needs, async () => {
  const failing = script('failing', 'exit 3');
  const rejected = script('no-output', 'true');
  for (const [wanted, status, code] of [
    [failing, 'PermanentFailure', 'ERR_BUILD_FAILED'],
    [rejected, 'OutputRejected', 'ERR_OUTPUT_MISSING'],
  ] as const) {
    const { result, events } = await check(wanted);
    assert.equal(result.status, status);
    assert.equal(result.error?.code, code);
    assert.equal(events.filter(({ type }) => type === 'build.failed').length, 1);
  }
});

test('a difference counts more than a failure that has no bit of its own', needs, async () => {
  const differing = script('differing', `${random} > $out`);
  const rejected = script('input-without-output', 'true');
  const own = await openStore({ store: root, settings: { ...settings, 'keep-going': true } });
  try {
    const run = own.check([differing, script('needs-rejected', `bb cat ${rejected} > $out`)]);
    const { results, exitStatus } = await run.result;
    assert.deepEqual(
      results.map(({ status }) => status),
      ['NotDeterministic', 'DependencyFailed'],
    );
    assert.equal(exitStatus, 104);
  } finally {
    await own.close();
  }
});

test('an input that cannot be built is told, and exits as a build does', needs, async () => {
  const broken = script('broken', 'exit 7');
  const { result, exitStatus } = await check(script('needs-broken', `bb cat ${broken} > $out`));
  assert.equal(exitStatus, 100);
  assert.equal(result.status, 'DependencyFailed');
  assert.match(result.error?.message ?? '', /was not checked: /);
});

test('the diff hook is told of every output that differs, and its words are shown', needs, async () => {
  const hook = join(directory, 'diff-hook');
  const seen = join(directory, 'diff-hook-arguments');
  writeFileSync(hook, `#!/bin/sh\npwd; cat "$1" "$2"; echo "$@" >> ${seen}; echo "to stderr" >&2; exit 1\n`);
  chmodSync(hook, 0o755);
  const own = await openStore({
    store: root,
    settings: { ...settings, 'diff-hook': hook, 'run-diff-hook': true },
  });
  try {
    const wanted = script('hooked', `${random} > $out; ${random} > $dev`, { outputs: ['out', 'dev'] });
    const run = own.check([wanted]);
    const events: BuildEvent[] = [];
    for await (const event of run) events.push(event);
    assert.equal((await run.result).exitStatus, 104);
    const diffs = events.filter((event) => event.type === 'check.diff');
    assert.equal(diffs.length, 2);
    assert.match(diffs[0]!.text, /^\/\n[0-9a-f-]{36}\n[0-9a-f-]{36}\nto stderr$/);
    const warnings = events.flatMap((event) => (event.type === 'warning' ? [event.message] : []));
    assert.equal(warnings.filter((message) => message.startsWith('diff hook execution failed: ')).length, 2);
    const calls = readFileSync(seen, 'utf8').trim().split('\n');
    const real = own.local.realPath((await run.result).results[0]!.outputs[0]!.path);
    const [first, second, drvPath, temporary] = calls[0]!.split(' ');
    assert.deepEqual([first, second, drvPath], [real, `${real}.check`, wanted.drvPath]);
    assert.ok(!existsSync(temporary!), 'its temporary directory is gone');
  } finally {
    await own.close();
  }
});

/** A store whose diff hook is this shell script. */
async function withDiffHook(name: string, text: string): Promise<Store> {
  const hook = join(directory, name);
  writeFileSync(hook, `#!/bin/sh\n${text}\n`);
  chmodSync(hook, 0o755);
  return await openStore({
    store: root,
    settings: { ...settings, 'diff-hook': hook, 'run-diff-hook': true },
  });
}

test('what a diff hook leaves running is ended, and not waited for', needs, async () => {
  // No machine is up for as long as that.
  const seconds = String(1_000_000_000 + process.pid);
  await using own = await withDiffHook(
    'leaving-hook',
    `sleep ${seconds} &\nsetsid sleep ${seconds} &\necho hi`,
  );
  const run = own.check([script('left-behind', `${random} > $out`)]);
  const said: string[] = [];
  for await (const event of run) if (event.type === 'check.diff') said.push(event.text);
  assert.equal((await run.result).exitStatus, 104);
  assert.deepEqual(said, ['hi']);
  assert.ok(await goneWithin(seconds, 20_000), `still there: ${processesWith(seconds)}`);
});

test('a check that is stopped ends its diff hook', needs, async () => {
  const seconds = String(2_000_000_000 + process.pid);
  await using own = await withDiffHook('hanging-hook', `trap '' TERM INT\necho start\nsleep ${seconds}`);
  const controller = new AbortController();
  const run = own.check([script('hanging', `${random} > $out`)], { signal: controller.signal });
  let ended = false;
  const result = run.result.finally(() => (ended = true));
  result.catch(() => {});
  while (processesWith(seconds).length === 0 && !ended) await sleep(20);
  controller.abort(new Error('enough'));
  await assert.rejects(result, /enough/);
  assert.ok(await goneWithin(seconds, 20_000), `still there: ${processesWith(seconds)}`);
});

test('that there is no diff hook is said before anything is built, and changes nothing', needs, async () => {
  const missing = join(directory, 'no-such-hook');
  await using own = await openStore({
    store: root,
    settings: { ...settings, 'diff-hook': missing, 'run-diff-hook': true },
  });
  const wanted = script('without-hook', `${random} > $out`);
  await own.build([wanted]).result;
  const run = own.check([wanted], { buildMissing: false });
  const told: string[] = [];
  for await (const event of run) {
    if (event.type === 'warning') told.push(event.message);
    if (event.type === 'build.started') told.push('started');
  }
  assert.equal((await run.result).exitStatus, 104);
  const sentence = `the diff hook '${missing}' does not exist`;
  assert.deepEqual(told, [sentence, 'started', `diff hook execution failed: ${sentence}`]);
});

test('a later start is not waited for where the store is from the future', needs, async () => {
  const wanted = script('from-the-future', 'echo always > $out');
  await store.build([wanted]).result;
  const { realStoreDir } = store.local.directories;
  const database = new DatabaseSync(join(realStoreDir, '../var/nix/db/db.sqlite'), { timeout: 60_000 });
  database
    .prepare('update ValidPaths set registrationTime = registrationTime + 1000000 where path = ?')
    .run(`${wanted}`);
  database.close();
  // Far less than the clock would need, and far more than a build does.
  const { result } = await check(wanted, { vary: ['later-start'], signal: AbortSignal.timeout(100_000) });
  assert.equal(result.status, 'Same');
  const [notVaried] = result.rounds[0]!.notVaried;
  assert.equal(notVaried?.variation, 'later-start');
  assert.match(notVaried?.why ?? '', /^the store has \d{4}-.* for when the outputs were made, and that is/);
});

test('a store path stands for what made it', needs, async () => {
  const made = script('made', 'echo x > $out');
  await store.build([made]).result;
  const run = store.check([`${made}`]);
  const { results } = await run.result;
  assert.equal(results[0]?.drvPath, made.drvPath);
  assert.equal(results[0]?.status, 'Same');
});

test('a check that is stopped leaves nothing behind', needs, async () => {
  const slow = script('slow-check', 'bb sleep 1; echo x > $out');
  await store.build([slow]).result;
  const controller = new AbortController();
  const run = store.check([slow], { signal: controller.signal });
  for await (const event of run) {
    if (event.type === 'build.started') controller.abort(new Error('enough'));
  }
  await assert.rejects(run.result, /enough/);
  const kept = (name: string) => name.endsWith('.check');
  assert.deepEqual(
    leftoversIn(store).filter((name) => !kept(name)),
    [],
  );
});
