import assert from 'node:assert/strict';
import {
  chmodSync,
  closeSync,
  existsSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BuildEvent } from '../../ts/base/events.js';
import { type DerivationValue, openStore, type Store } from '../../ts/index.js';
import { native } from '../../ts/native.js';
import { fixedScript } from '../support/fixed-script.js';
import { requires } from '../support/requires.js';
import { leftoversIn, scriptDerivation } from '../support/scripts.js';
import { temporaryDirectory } from '../support/temporary.js';

const needs = requires('user-namespaces', 'program:busybox');
const directory = temporaryDirectory('keep-failed');
const elsewhere = mkdtempSync('/dev/shm/airplant-keep-failed-');
after(() => native.removeTree(elsewhere));
process.env['NIX_STORE_DIR'] = join(directory, 'store');

function open(settings: Readonly<Record<string, unknown>> = {}): Promise<Store> {
  return openStore({
    settings: {
      'sandbox-paths': ['/bin/busybox'],
      'keep-failed': true,
      'fixed-output-network': 'host',
      ...settings,
    } as never,
  });
}

async function fail(store: Store, wanted: DerivationValue) {
  const run = store.build([wanted]);
  const events: BuildEvent[] = [];
  for await (const event of run) events.push(event);
  const result = (await run.result).results[0]!;
  assert.ok(result.error, 'it fails');
  return { result, events, kept: result.error.keptDirectory };
}

const busy = 'bb mkdir -p a/b; echo text > a/b/file; echo > /tmp/there; echo half > $out; exit 3';

test('what a failed builder leaves stays, private, and the result and an event name it', needs, async () => {
  await using store = await open();
  const wanted = scriptDerivation('failing', `bb chmod 777 .; ${busy}`);
  const { result, events, kept } = await fail(store, wanted);
  assert.equal(result.error!.code, 'ERR_BUILD_FAILED');
  assert.equal(kept, `${store.local.realPath(wanted.drvPath)}.failed/build`);
  assert.equal(readFileSync(join(kept, 'a/b/file'), 'utf8'), 'text\n');
  assert.ok(existsSync(join(kept, '../root/tmp/there')));
  const event = events.find(({ type }) => type === 'build.kept');
  assert.deepEqual(event, { type: 'build.kept', drvPath: wanted.drvPath, directory: kept });
  // The builder may open its own directory to all; nobody gets that far.
  assert.equal(statSync(dirname(kept)).mode & 0o777, 0o700);
  assert.equal(statSync(kept).uid, process.geteuid!());
  assert.deepEqual(await store.removeFailed(), [wanted.drvPath]);
  assert.deepEqual(leftoversIn(store), []);
});

test('it is not kept when nobody asked, nor after a success or a cancellation', needs, async () => {
  await using careless = await open({ 'keep-failed': false });
  assert.equal((await fail(careless, scriptDerivation('unkept', busy))).kept, undefined);
  await using store = await open();
  const good = await store.build([scriptDerivation('good', 'echo > $out')]).result;
  assert.equal(good.exitStatus, 0);
  const run = store.build([scriptDerivation('stopped', 'echo started; bb sleep 1000')], {
    signal: AbortSignal.timeout(300),
  });
  assert.equal((await run.result).results[0]!.error?.code, 'ERR_ABORTED');
  assert.deepEqual(leftoversIn(store), []);
});

test('a second failure takes the place of the first, and a success leaves it alone', needs, async () => {
  await using store = await open({ 'sandbox-paths': ['/bin/busybox', `/mark=${directory}/mark?`] });
  const wanted = scriptDerivation(
    'changing',
    'test -s /mark && { echo > $out; exit; }; bb cat /proc/sys/kernel/random/uuid > when; exit 1',
  );
  const first = readFileSync(join((await fail(store, wanted)).kept!, 'when'), 'utf8');
  const { kept } = await fail(store, wanted);
  assert.notEqual(readFileSync(join(kept!, 'when'), 'utf8'), first);
  writeFileSync(join(directory, 'mark'), 'now');
  await using later = await open({ 'sandbox-paths': ['/bin/busybox', `/mark=${directory}/mark?`] });
  assert.equal((await later.build([wanted]).result).exitStatus, 0);
  assert.ok(existsSync(join(kept!, 'when')));
  await store.removeFailed([wanted.drvPath]);
  assert.deepEqual(leftoversIn(store), []);
});

test('a check whose one complaint is the hash of a fixed output keeps it, too', needs, async () => {
  const mark = join(directory, 'other-content');
  const shown = { 'sandbox-paths': ['/bin/busybox', `/mark=${mark}?`] };
  const wanted = fixedScript('echo text > here; if bb test -e /mark; then promised=other; fi');
  {
    await using store = await open(shown);
    assert.equal((await store.build([wanted]).result).exitStatus, 0);
  }
  writeFileSync(mark, '');
  await using store = await open(shown);
  for (const vary of [[], ['umask']] as const) {
    const { results, exitStatus } = await store.check([wanted], { vary }).result;
    assert.equal(exitStatus, 102);
    const kept = results[0]!.error?.keptDirectory;
    assert.equal(kept, `${store.local.realPath(wanted.drvPath)}.failed/build`);
    assert.equal(readFileSync(join(kept, 'here'), 'utf8'), 'text\n');
    await store.removeFailed();
  }
  await using careless = await open({ ...shown, 'keep-failed': false });
  assert.equal((await careless.check([wanted]).result).results[0]!.error?.keptDirectory, undefined);
  rmSync(mark);
  await using again = await open(shown);
  assert.equal((await again.check([wanted]).result).exitStatus, 0);
  assert.deepEqual(leftoversIn(store), []);
});

test('with a build-dir of another file system, and after every kind of failure', needs, async () => {
  await using store = await open({ 'build-dir': elsewhere });
  const outcomes: [string, DerivationValue][] = [
    ['ERR_OUTPUT_MISSING', scriptDerivation('no-output', 'echo > here')],
    [
      'ERR_OUTPUT_REJECTED',
      scriptDerivation('refers', 'echo > here; echo $out > $out', { allowedReferences: [] }),
    ],
    ['ERR_HASH_MISMATCH', fixedScript('echo > here', { promised: 'something else' })],
    ['ERR_BUILD_TIMEOUT', scriptDerivation('slow', 'echo > here; bb sleep 1000')],
  ];
  for (const [code, wanted] of outcomes) {
    await using strict = await open({
      'build-dir': elsewhere,
      ...(code === 'ERR_BUILD_TIMEOUT' ? { timeout: 1 } : {}),
    });
    const { result, kept } = await fail(strict, wanted);
    assert.equal(result.error!.code, code, result.error!.message);
    assert.ok(kept!.startsWith(`${elsewhere}/airplant-`), kept);
    assert.deepEqual(
      readdirSync(kept!).filter((name) => name === 'here'),
      ['here'],
      code,
    );
    assert.equal(lstatSync(dirname(kept!)).mode & 0o777, 0o700);
  }
  assert.equal((await store.removeFailed()).length, outcomes.length);
  assert.deepEqual(readdirSync(elsewhere), []);
  assert.deepEqual(leftoversIn(store), []);
});

test(
  'with a build-dir, what was only half moved when its build was killed is removed by the next',
  needs,
  async () => {
    const wanted = scriptDerivation('half-kept', 'echo > here; exit 1');
    {
      await using store = await open({ 'build-dir': elsewhere });
      const { kept } = await fail(store, wanted);
      await using other = await open({ 'build-dir': elsewhere });
      await fail(other, scriptDerivation('unrelated', 'exit 1'));
      assert.ok(existsSync(kept!), 'what is whole stays');
      // The part that is moved last, and has the record.
      await native.removeTree(`${store.local.realPath(wanted.drvPath)}.failed`);
      assert.ok(existsSync(kept!));
    }
    await using store = await open({ 'build-dir': elsewhere });
    await store.build([scriptDerivation('another', 'echo > $out')]).result;
    assert.equal(readdirSync(elsewhere).length, 1);
    await store.removeFailed();
    assert.deepEqual(readdirSync(elsewhere), []);
  },
);

test(
  'a damaged record: the build directory is removed where the setting says, or is told of',
  needs,
  async () => {
    const warnings: string[] = [];
    const settings = { 'sandbox-paths': ['/bin/busybox'], 'keep-failed': true, 'build-dir': elsewhere };
    await using store = await openStore({ settings, onWarning: (text) => void warnings.push(text) });
    const wanted = scriptDerivation('damaged-record', 'exit 1');
    const damage = async () => {
      const { kept } = await fail(store, wanted);
      writeFileSync(`${store.local.realPath(wanted.drvPath)}.failed/failed-build.json`, '{');
      return dirname(kept!);
    };
    await damage();
    await store.removeFailed([wanted.drvPath]);
    assert.deepEqual(readdirSync(elsewhere), []);
    assert.deepEqual(warnings, []);
    const top = await damage();
    const told: string[] = [];
    await using telling = await openStore({ onWarning: (text) => void told.push(text) });
    await telling.removeFailed([wanted.drvPath]);
    assert.match(told.join('\n'), /damaged-record\.drv' is damaged: its build directory may be left/);
    await native.removeTree(top);
    assert.deepEqual(leftoversIn(store), []);
  },
);

test('links out of what is kept are neither followed nor changed', needs, async () => {
  const canary = join(directory, 'canary');
  writeFileSync(canary, 'mine');
  chmodSync(canary, 0o600);
  const before = lstatSync(canary);
  await using store = await open({ 'sandbox-paths': ['/bin/busybox', `/canary=${canary}`] });
  const wanted = scriptDerivation(
    'links',
    `bb ln -s ${canary} soft; bb ln /canary hard; bb ln -s / root; exit 1`,
  );
  const { kept } = await fail(store, wanted);
  assert.deepEqual(readdirSync(kept!).sort(), ['root', 'soft'], 'no hard link leads out of a sandbox');
  await store.removeFailed([wanted.drvPath]);
  const { mode, uid, nlink, ctimeMs } = lstatSync(canary);
  assert.deepEqual([mode, uid, nlink, ctimeMs], [before.mode, before.uid, before.nlink, before.ctimeMs]);
});

test(
  'a directory that cannot be kept is removed with a warning, and the failure is told all the same',
  needs,
  async () => {
    await using store = await open();
    const wanted = scriptDerivation('unkeepable', busy);
    const kept = `${store.local.realPath(wanted.drvPath)}.failed`;
    rmSync(kept, { recursive: true, force: true });
    const { events: first } = await fail(store, wanted);
    assert.ok(first.some(({ type }) => type === 'build.kept'));
    const { read, write } = native.openPipe();
    const command = ['/bin/busybox', 'cat'];
    const run = store.enterFailed(wanted.drvPath, { command, stdio: [read, 1, 2] });
    let over = false;
    const ended = run.finally(() => {
      over = true;
    });
    const locked = () =>
      readFileSync('/proc/locks', 'utf8').includes(`:${statSync(join(kept, 'failed-build.json')).ino} `);
    while (!locked() && !over) await sleep(10);
    assert.ok(!over);
    const { result, events } = await fail(store, wanted);
    assert.equal(result.error!.code, 'ERR_BUILD_FAILED');
    assert.equal(result.error!.keptDirectory, undefined);
    assert.ok(
      events.some(
        (event) => event.type === 'warning' && /could not be kept: a shell is in/.test(event.message),
      ),
    );
    await assert.rejects(store.removeFailed([wanted.drvPath]), { code: 'ERR_PATH_IN_USE' });
    closeSync(write);
    await ended;
    closeSync(read);
    await store.removeFailed([wanted.drvPath]);
    assert.deepEqual(leftoversIn(store), []);
  },
);
