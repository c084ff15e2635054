import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { requires } from '../../support/requires.js';
import { openTestStore } from '../../support/stores.js';
import { temporaryDirectory } from '../../support/temporary.js';

// Where nothing can be moved out of the way, garbage is removed where it is.
const directory = temporaryDirectory('no-trash');
chmodSync(directory, 0o755);
const script = fileURLToPath(new URL('../../support/collect-once.js', import.meta.url));

/** A store with a path that lives, one that does not, and a leftover. */
async function makeScene(name: string): Promise<{ root: string; kept: string; realStoreDir: string }> {
  const root = join(directory, name);
  await using store = await openTestStore(root);
  const { realStoreDir, stateDir } = store.directories;
  const source = join(directory, `${name}-source`);
  mkdirSync(join(source, 'sub'), { recursive: true });
  writeFileSync(join(source, 'sub/file'), 'x');
  const kept = await store.addText({ name: 'kept', contents: '', references: [] });
  symlinkSync(kept, join(stateDir, 'gcroots/kept'));
  await store.addPath({ name: 'garbage', source });
  mkdirSync(join(realStoreDir, `${'0'.repeat(32)}-half/sub`), { recursive: true });
  return { root, kept: kept.slice('/nix/store/'.length), realStoreDir };
}

const left = (realStoreDir: string) => readdirSync(realStoreDir).filter((name) => !name.startsWith('.'));

test('a trash in which nothing can be made keeps no garbage', async () => {
  const { root, kept, realStoreDir } = await makeScene('read-only-trash');
  mkdirSync(join(realStoreDir, '.trash'), { mode: 0o500 });
  await using store = await openTestStore(root);
  const report = await store.collectGarbage();
  assert.deepEqual([report.deleted, report.kept], [2, []]);
  assert.ok(report.bytesFreed > 0);
  assert.deepEqual(left(realStoreDir), [kept]);
});

test('nor does a file system that moves no directories', requires('linux', 'program:strace'), async () => {
  const { root, kept, realStoreDir } = await makeScene('exdev');
  const inject = ['-e', 'trace=rename,renameat,renameat2', '-e', 'inject=renameat,renameat2:error=EXDEV'];
  const command = ['-f', '-qq', '-o', '/dev/null', ...inject, process.execPath, script, root];
  const { status, stdout } = spawnSync('strace', command, { encoding: 'utf8', timeout: 60_000 });
  assert.deepEqual([status, stdout], [0, '']);
  assert.deepEqual(left(realStoreDir), [kept]);
});

test('what somebody has locked meanwhile stays where it is', async () => {
  const { root, realStoreDir } = await makeScene('locked');
  mkdirSync(join(realStoreDir, '.trash'), { mode: 0o500 });
  await using store = await openTestStore(root);
  const garbage = store.validPaths().find((path) => path.endsWith('-garbage'))!;
  await using other = await openTestStore(root);
  const locks = await other.lockPaths([garbage]);
  const report = await store
    .deletePaths([garbage], { ignoreLiveness: true })
    .catch((error: unknown) => error);
  locks.release({ delete: false });
  assert.ok(readdirSync(realStoreDir).includes(garbage.slice('/nix/store/'.length)), String(report));
});

test('as root: a trash of another user is left alone', requires('root'), async () => {
  const { root, kept, realStoreDir } = await makeScene('of-another');
  mkdirSync(join(realStoreDir, '.trash'), { mode: 0o700 });
  const id = ['--reuid=65533', '--regid=65533', '--clear-groups'];
  assert.equal(spawnSync('chown', ['-R', '65533:65533', root]).status, 0);
  chownSync(join(realStoreDir, '.trash'), 65534, 65534);
  const { status, stdout } = spawnSync('setpriv', [...id, process.execPath, script, root], {
    encoding: 'utf8',
    timeout: 60_000,
  });
  assert.deepEqual([status, stdout], [0, '']);
  assert.deepEqual(left(realStoreDir), [kept]);
});
