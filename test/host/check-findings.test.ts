import assert from 'node:assert/strict';
import { chmodSync, existsSync, linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import {
  type BuildEvent,
  type CheckResult,
  type DerivationValue,
  openStore,
  type Store,
  source,
} from '../../ts/index.js';
import { requires } from '../support/requires.js';
import { scriptDerivation } from '../support/scripts.js';
import { temporaryDirectory } from '../support/temporary.js';

// What a check that varies has found out is told, whatever comes after it.
const needs = requires('user-namespaces', 'program:busybox');
const directory = temporaryDirectory('host-check-findings');
const once = join(directory, 'once');
let store: Store;

before(async () => {
  if (needs.skip) return;
  store = await openStore({
    store: join(directory, 'root'),
    settings: { 'sandbox-paths': ['/bin/busybox', `/once=${once}?`], 'max-jobs': 2, cores: 3 },
  });
});
after(() => store?.close());

const script = (name: string, text: string) => scriptDerivation(name, `set -eu\n${text}`);

async function check(wanted: DerivationValue, options: Parameters<Store['check']>[1]) {
  const run = store.check([wanted], options);
  const events: BuildEvent[] = [];
  for await (const event of run) events.push(event);
  const { results, exitStatus } = await run.result;
  return { events, exitStatus, result: results[0]! as CheckResult };
}

test('a difference stays one when the build fails on one processor', needs, async () => {
  const text = 'bb cat /proc/sys/kernel/random/uuid > $out; test $NIX_BUILD_CORES != 1';
  const { result, events, exitStatus } = await check(script('one', text), { vary: ['cores', 'umask'] });
  assert.equal(exitStatus, 104);
  assert.equal(result.status, 'NotDeterministic');
  assert.equal(result.outputs[0]?.kept, `${result.outputs[0]?.path}.check`);
  assert.deepEqual(
    result.rounds.map(({ varied, outcome }) => [varied.join(), outcome]),
    [
      ['cores,umask', 'failed'],
      ['', 'differs'],
      ['cores', 'failed'],
      ['umask', 'differs'],
    ],
  );
  assert.deepEqual(
    result.report?.causes.map(({ cause }) => cause),
    ['random'],
  );
  const warnings = events.flatMap((event) => (event.type === 'warning' ? [event.message] : []));
  assert.match(warnings.join('\n'), /was not compared on one processor: builder for .* exit code 1$/);
});

test('a difference stays one when the plain repeat fails', needs, async () => {
  writeFileSync(once, 'there');
  const text = 'bb test "$(umask)" = 0077 || bb test -e /once || exit 3; umask > $out';
  const wanted = script('usual', text);
  await store.build([wanted]).result;
  rmSync(once);
  const { result, exitStatus } = await check(wanted, { vary: ['umask', 'locale'] });
  assert.equal(exitStatus, 104);
  assert.equal(result.status, 'NotDeterministic');
  assert.ok(result.outputs[0]?.kept);
  assert.match(
    result.error?.message ?? '',
    /differs from '.*\.check'\n.*: built once more it fails: builder for /,
  );
  assert.deepEqual(
    result.rounds.map(({ varied, outcome }) => [varied.join(), outcome]),
    [
      ['umask,locale', 'differs'],
      ['', 'failed'],
      ['umask', 'differs'],
      ['locale', 'failed'],
    ],
  );
  assert.deepEqual(
    result.report?.causes.map(({ cause }) => cause),
    ['umask'],
  );
});

test('what differs only when several things are varied together is told as that', needs, async () => {
  const text =
    'if test "$(umask)" = 0077 && test "$TERM" = vt100; then echo b > $out; else echo a > $out; fi';
  const { result, exitStatus } = await check(script('both', text), { vary: ['umask', 'locale'] });
  assert.equal(exitStatus, 104);
  assert.equal(result.report?.reproducible, false);
  assert.deepEqual(
    result.report?.causes.map(({ cause, files }) => [cause, files]),
    [['combination', ['out']]],
  );
  assert.equal(result.report?.differences[0]?.examined?.spots[0]?.b?.text, 'b');
});

test('in another directory order, names of one file are names of one file', needs, async () => {
  const input = join(directory, 'linked');
  mkdirSync(join(input, 'd'), { recursive: true });
  for (const name of ['x', 'd/y', 'd/z']) writeFileSync(join(input, name), 'the same');
  const linked = scriptDerivation('linked', 'bb stat -c %h $input/x $input/d/y $input/d/z > $out', {
    input: source(input),
  });
  await store.build([linked]).result;
  // Two of the three names, as an optimised store has them.
  const real = store.local.realPath(`${store.local.readDerivation(linked.drvPath).env.get('input')}`);
  chmodSync(join(real, 'd'), 0o755);
  rmSync(join(real, 'd/y'));
  linkSync(join(real, 'x'), join(real, 'd/y'));
  chmodSync(join(real, 'd'), 0o555);
  const { result } = await check(linked, { vary: ['directory-order'] });
  const made = readFileSync(store.local.realPath(result.outputs[0]!.kept!), 'utf8');
  assert.equal(made, '2\n2\n1\n');
});

test(
  'a build that fails with its build directory in memory may have had too little room',
  needs,
  async () => {
    const text = 'bb grep -q " /build tmpfs" /proc/mounts && exit 1; echo x > $out';
    const { result, exitStatus } = await check(script('room', text), { vary: ['directory-order'] });
    assert.equal(exitStatus, 104);
    assert.match(
      result.error?.message ?? '',
      /with another directory-order it fails: .*\nnote: .* is in memory/,
    );
  },
);

test(
  'a build whose directory in memory is full is done again without, and that is no finding',
  needs,
  async () => {
    const fill = script(
      'full',
      'bb grep -q " /build tmpfs" /proc/mounts && { echo x > /dev/full || exit 1; }; echo x > $out',
    );
    for (const vary of [['directory-order'], ['directory-order', 'umask']] as const) {
      const { result, exitStatus } = await check(fill, { vary });
      assert.equal(exitStatus, 0, JSON.stringify(result.error));
      assert.deepEqual(
        result.rounds.map(({ varied, outcome }) => [varied, outcome]),
        [[vary, 'same']],
      );
      const [notVaried] = result.rounds[0]!.notVaried;
      assert.equal(notVaried?.variation, 'directory-order');
      assert.match(notVaried.why, /memory .* was not enough$/);
    }
    // A finding beside it is found all the same.
    const also = script(
      'full-and-umask',
      'bb grep -q " /build tmpfs" /proc/mounts && { echo x > /dev/full || exit 1; }; umask > $out',
    );
    const { result } = await check(also, { vary: ['directory-order', 'umask'] });
    assert.deepEqual(
      result.report?.causes.map(({ cause }) => cause),
      ['umask'],
    );
  },
);

test('what a later day cannot reach is said of each round that has one', needs, async () => {
  const { result } = await check(script('clockless', 'echo x > $out'), { vary: ['later-day', 'umask'] });
  assert.deepEqual(
    result.rounds.map(({ partlyVaried }) => partlyVaried),
    [[{ variation: 'later-day', what: 'changes the clock of dynamically linked programs only' }]],
  );
  const { result: plain } = await check(script('clockless', 'echo x > $out'), { vary: ['umask'] });
  assert.deepEqual(plain.rounds[0]!.partlyVaried, []);
});

test('that a builder sees the files of the preloaded clock is no finding', needs, async () => {
  const list = script('list-etc', 'bb ls /etc > $out');
  for (const vary of [['later-day'], ['later-day', 'umask', 'locale']] as const) {
    const { result, exitStatus } = await check(list, { vary });
    assert.equal(exitStatus, 0, JSON.stringify(result.error));
    assert.equal(result.status, 'Same');
    assert.equal(result.report, undefined);
    assert.ok(!existsSync(store.local.realPath(`${list}.check`)));
    const notes = result.rounds.flatMap(({ notVaried }) => notVaried.map(({ variation }) => variation));
    assert.deepEqual(notes, ['later-day']);
  }
  const refuses = script('refuses', 'if bb test -e /etc/ld.so.preload; then exit 9; fi; umask > $out');
  const { result } = await check(refuses, { vary: ['later-day', 'umask', 'locale'] });
  assert.deepEqual(
    result.report?.causes.map(({ cause }) => cause),
    ['umask'],
  );
  assert.doesNotMatch(result.error?.message ?? '', /fails/);
});
