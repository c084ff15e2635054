import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { native } from '../../../ts/native.js';
import type { LocalStore } from '../../../ts/store/local-store.js';
import { RealNix } from '../../support/nix.js';
import { longForm, requires } from '../../support/requires.js';
import { openTestStore, startScript } from '../../support/stores.js';
import { temporaryDirectory } from '../../support/temporary.js';

// A collector is stopped in the middle, and the next one goes on.
const directory = temporaryDirectory('collect-faults');
const script = fileURLToPath(new URL('../../support/collect-once.js', import.meta.url));

/** A store with a path that is kept, one it refers to, many that are garbage, and leftovers. */
async function makeScene(name: string, garbage: number): Promise<{ root: string; kept: readonly string[] }> {
  const root = join(directory, name);
  await using store = await openTestStore(root);
  const source = join(directory, `${name}-source`);
  mkdirSync(join(source, 'sub'), { recursive: true });
  writeFileSync(join(source, 'sub', 'file'), 'x');
  const needed = (await store.addPath({ name: 'needed', source })).path;
  const kept = await store.addText({ name: 'kept', contents: needed, references: [needed] });
  symlinkSync(kept, join(store.directories.stateDir, 'gcroots/kept'));
  for (let i = 0; i < garbage; i++) {
    writeFileSync(join(source, 'sub', `more-${i}`), `${i}`);
    const { path } = await store.addPath({ name: `garbage-${i}`, source });
    await store.addText({ name: `user-${i}`, contents: path, references: [path, needed] });
  }
  mkdirSync(join(store.directories.realStoreDir, `${'0'.repeat(32)}-half/sub`), { recursive: true });
  chmodSync(join(store.directories.realStoreDir, `${'0'.repeat(32)}-half/sub`), 0o555);
  return { root, kept: [kept, needed].sort() };
}

/** What is valid is there, whole. */
async function assertSound(store: LocalStore, what: string): Promise<void> {
  for (const path of store.validPaths()) {
    const { hash } = await native.hashTree(store.realPath(path), []);
    assert.equal(hash, store.pathInfo(path).narHash.hex, what);
  }
}

async function assertFinished(root: string, kept: readonly string[], what: string): Promise<void> {
  await using store = await openTestStore(root);
  assert.deepEqual(store.validPaths().sort(), kept, what);
  assert.deepEqual(
    readdirSync(store.directories.realStoreDir).sort(),
    ['.links', ...kept.map((path) => path.slice('/nix/store/'.length))].sort(),
    what,
  );
}

test('whichever system call fails or kills, what is valid is whole and the next collection finishes', {
  ...requires('linux', 'program:strace'),
}, async (t) => {
  const calls = [
    'rename',
    'renameat2',
    'unlink',
    'unlinkat',
    'rmdir',
    'mkdir',
    'pwrite64',
    'flock',
    'bind',
    'link',
  ];
  const trace = join(directory, 'trace');
  const { root: model, kept } = await makeScene('model', 3);
  const run = (root: string, ...strace: string[]) =>
    spawnSync('strace', ['-f', '-qq', '-o', trace, ...strace, process.execPath, script, root], {
      encoding: 'utf8',
      timeout: 30_000,
    });
  const copy = (to: string) => execFileSync('cp', ['-a', model, to]);
  copy(join(directory, 'whole'));
  assert.equal(run(join(directory, 'whole'), '-e', `trace=${calls}`).status, 0);
  await assertFinished(join(directory, 'whole'), kept, 'undisturbed');
  const lines = readFileSync(trace, 'latin1').split('\n');
  const root = join(directory, 'struck');
  let struck = 0;
  for (const call of calls) {
    const total = lines.filter((line) => line.includes(` ${call}(`)).length;
    for (const effect of longForm
      ? ['error=EIO', 'error=ENOSPC', 'signal=KILL']
      : ['error=EIO', 'signal=KILL']) {
      const points = longForm ? total : Math.min(1, total);
      for (let point = 0; point < points; point++) {
        const when = longForm ? point + 1 : 1 + Math.floor(total / 2);
        const what = `${call}:${effect}:when=${when}`;
        copy(root);
        const { status, stdout } = run(root, '-e', `trace=${call}`, '-e', `inject=${what}`);
        if (status !== 0 || stdout !== '') struck++;
        if (stdout !== '') assert.match(stdout, /^(ERR_|kept \d+$)/, what);
        {
          await using store = await openTestStore(root, { readOnly: true });
          await assertSound(store, what);
        }
        const again = spawnSync(process.execPath, [script, root], { encoding: 'utf8', timeout: 60_000 });
        assert.deepEqual([again.status, again.stdout], [0, ''], what);
        await assertFinished(root, kept, what);
        await native.removeTree(root);
      }
    }
  }
  t.diagnostic(`${struck} runs that did not succeed`);
  assert.ok(struck > 5, 'no fault ever struck');
});

test('roots that cannot be read just now stop a collection: they might keep anything', {
  ...requires('linux', 'program:strace'),
}, async () => {
  const { root, kept } = await makeScene('no-descriptors', 1);
  const gcroots = join(root, 'nix/var/nix/gcroots');
  for (const [what, call, error] of [
    [gcroots, 'openat', 'EMFILE'],
    [gcroots, 'openat', 'ENOMEM'],
    [gcroots, 'getdents64', 'EIO'],
    [join(gcroots, 'kept'), 'readlink', 'EIO'],
    ['/proc', 'openat', 'EMFILE'],
  ] as const) {
    const strike = ['-e', `trace=${call}`, '-P', what, '-e', `inject=${call}:error=${error}`];
    const program = [process.execPath, script, root];
    const { status, stdout } = spawnSync('strace', ['-f', '-qq', '-o', '/dev/null', ...strike, ...program], {
      encoding: 'utf8',
      timeout: 60_000,
    });
    assert.deepEqual([status, stdout], [1, 'ERR_SYSTEM'], `${error} at ${call} of ${what}`);
    await using store = await openTestStore(root);
    assert.equal(store.validPaths().length, kept.length + 2);
  }
  assert.deepEqual([spawnSync(process.execPath, [script, root]).status], [0]);
  await assertFinished(root, kept, 'afterwards');
});

test('killed at any moment; a real Nix finds nothing wrong, and finishes as well', {
  ...requires('program:nix-store'),
}, async (t) => {
  const { root: model, kept } = await makeScene('killed-model', longForm ? 150 : 40);
  let left = 0;
  for (let round = 0; round < (longForm ? 40 : 2); round++) {
    const nix = new RealNix(directory, join(directory, `killed-${round}`));
    execFileSync('cp', ['-a', model, nix.store]);
    const worker = startScript('store-worker', 'collect', nix.store);
    let said = 0;
    worker.child.stdout.on('data', (text: string) => {
      said += text.split('\n').length;
    });
    const enough = Math.floor(Math.random() * (longForm ? 280 : 70));
    await worker.until(() => said > enough || worker.child.exitCode !== null).catch(() => {});
    worker.child.kill('SIGKILL');
    await worker.exit;
    {
      await using store = await openTestStore(nix.store, { readOnly: true });
      await assertSound(store, `round ${round}`);
      left += store.validPaths().length - kept.length;
    }
    assert.deepEqual(nix.try('nix-store', '--verify', '--check-contents').status, 0);
    if (round % 2 === 0) assert.equal(spawnSync(process.execPath, [script, nix.store]).status, 0);
    else nix.run('nix-store', '--gc');
    await assertFinished(nix.store, kept, `round ${round}`);
    assert.deepEqual(nix.try('nix-store', '--verify', '--check-contents').status, 0);
    await native.removeTree(nix.store);
  }
  t.diagnostic(`${left} valid paths of garbage left by those that were killed`);
});
