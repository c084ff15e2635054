import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, lstatSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import type { NarEvent } from '../../ts/formats/nar/event.js';
import { readNar } from '../../ts/formats/nar/read.js';
import { dumpTree, type NarTree } from '../../ts/formats/nar/tree.js';
import { native } from '../../ts/native.js';
import { restoreNar } from '../../ts/store/restore-nar.js';
import { naiveNar } from '../support/naive-nar.js';
import { anyTree } from '../support/nar-trees.js';
import { makeOddTree } from '../support/odd-tree.js';
import { requires } from '../support/requires.js';
import { temporaryDirectory } from '../support/temporary.js';

/** Number of descriptors this process has open. */
function openDescriptors(): number {
  return existsSync('/proc/self/fd') ? readdirSync('/proc/self/fd').length : 0;
}

test('an odd tree comes back as it was', async () => {
  const directory = temporaryDirectory('restore-nar');
  const nar = naiveNar(makeOddTree(join(directory, 'tree')));
  const before = openDescriptors();
  await restoreNar(readNar([nar.subarray(0, 1000), nar.subarray(1000)]), join(directory, 'copy'));
  await restoreNar(readNar([nar]), join(directory, 'canonical'), { canonicalise: true });
  assert.equal(openDescriptors(), before);
  assert.ok(naiveNar(join(directory, 'copy')).equals(nar));
  assert.ok(naiveNar(join(directory, 'canonical')).equals(nar));
  const umask = process.umask();
  assert.equal(lstatSync(join(directory, 'copy/file-7')).mode & 0o7777, 0o666 & ~umask);
  assert.equal(lstatSync(join(directory, 'copy/program')).mode & 0o7777, 0o777 & ~umask);
  assert.equal(lstatSync(join(directory, 'copy/empty')).mode & 0o7777, 0o777 & ~umask);
  const { mode, mtimeMs } = lstatSync(join(directory, 'canonical/program'));
  assert.deepEqual([mode & 0o7777, mtimeMs], [0o555, 1000]);
});

test('any tree comes back as it was', async () => {
  const directory = temporaryDirectory('restore-nar');
  let count = 0;
  await fc.assert(
    fc.asyncProperty(anyTree, async (tree) => {
      const nar = dumpTree(tree);
      const path = join(directory, String(count++));
      await restoreNar(readNar([nar]), path, { canonicalise: count % 2 === 0 });
      assert.ok(naiveNar(path).equals(nar));
    }),
    { numRuns: 100 },
  );
});

test('what nix-store --dump wrote', requires('program:nix-store'), async () => {
  const directory = temporaryDirectory('restore-nar');
  const tree = makeOddTree(join(directory, 'tree'));
  const nar = execFileSync('nix-store', ['--dump', tree], { maxBuffer: 2 ** 30 });
  await restoreNar(readNar([nar]), join(directory, 'copy'), { canonicalise: true });
  const hash = execFileSync('nix-hash', ['--type', 'sha256', tree], { encoding: 'utf8' }).trim();
  assert.equal((await native.hashTree(join(directory, 'copy'), [])).hash, hash);
});

test('nothing is left of an archive cut short anywhere', async () => {
  const directory = temporaryDirectory('restore-nar');
  const tree: NarTree = {
    type: 'directory',
    entries: new Map<string, NarTree>([
      ['a', { type: 'directory', entries: new Map([['b', { type: 'symlink', target: 't' }]]) }],
      ['c', { type: 'regular', executable: true, contents: randomBytes(40_000) }],
    ]),
  };
  const nar = dumpTree(tree);
  const before = openDescriptors();
  for (let length = 0; length < nar.length; length += length < 1000 ? 8 : 2000) {
    const restoring = restoreNar(readNar([nar.subarray(0, length)]), join(directory, 'copy'));
    await assert.rejects(restoring, { code: 'ERR_NAR' });
    assert.deepEqual(readdirSync(directory), []);
  }
  const half: NarEvent[] = [{ kind: 'directory' }, { kind: 'entry', name: 'a' }];
  await assert.rejects(restoreNar(half, join(directory, 'copy')), { code: 'ERR_NAR' });
  await assert.rejects(restoreNar([], join(directory, 'copy')), { code: 'ERR_NAR' });
  assert.deepEqual(readdirSync(directory), []);
  assert.equal(openDescriptors(), before);
});

test('CVE-2024-45593: events that would lead out of the tree are refused, whoever made them', async () => {
  const directory = temporaryDirectory('restore-nar');
  mkdirSync(join(directory, 'outside'));
  const file: NarEvent[] = [{ kind: 'regular', executable: false, size: 0 }, { kind: 'regular-end' }];
  const evil: NarEvent[][] = ['..', '.', '../outside/canary', `${directory}/outside/canary`, 'x/y'].map(
    (name) => [{ kind: 'directory' }, { kind: 'entry', name }, ...file, { kind: 'directory-end' }],
  );
  // A symlink, and then a directory of the same name to write through.
  evil.push([
    { kind: 'directory' },
    { kind: 'entry', name: 'a' },
    { kind: 'symlink', target: '../outside' },
    { kind: 'entry', name: 'a' },
    { kind: 'directory' },
    { kind: 'entry', name: 'canary' },
    ...file,
    { kind: 'directory-end' },
    { kind: 'directory-end' },
  ]);
  for (const events of evil) {
    await assert.rejects(restoreNar(events, join(directory, 'copy')), { code: 'ERR_SYSTEM' });
    assert.deepEqual(readdirSync(directory), ['outside']);
    assert.deepEqual(readdirSync(join(directory, 'outside')), []);
  }
});

test('a destination that exists stays, and its directory must exist', async () => {
  const directory = temporaryDirectory('restore-nar');
  const nar = dumpTree({ type: 'directory', entries: new Map() });
  const destination = join(directory, 'here');
  for (const make of [
    () => mkdirSync(destination),
    () => writeFileSync(destination, ''),
    () => symlinkSync('x', destination),
  ]) {
    make();
    const { ino } = lstatSync(destination);
    await assert.rejects(restoreNar(readNar([nar]), destination), {
      code: 'ERR_FILE',
      message: `'${destination}' exists already`,
    });
    assert.equal(lstatSync(destination).ino, ino);
    await native.removeTree(destination);
  }
  await assert.rejects(restoreNar(readNar([nar]), join(destination, 'below')), {
    code: 'ERR_FILE',
    message: `'${join(destination, 'below')}' is in a directory that does not exist`,
  });
});

test('a full disk is reported as such and leaves nothing', requires('user-namespaces'), () => {
  const directory = temporaryDirectory('restore-nar');
  mkdirSync(join(directory, 'small'));
  const tree: NarTree = {
    type: 'directory',
    entries: new Map([['file', { type: 'regular', executable: false, contents: randomBytes(3_000_000) }]]),
  };
  writeFileSync(join(directory, 'nar'), dumpTree(tree));
  const module = (name: string) => JSON.stringify(new URL(`../../ts/${name}`, import.meta.url).href);
  const script = `
    const { restoreNar } = await import(${module('store/restore-nar.js')});
    const { readNar } = await import(${module('formats/nar/read.js')});
    const { createReadStream, readdirSync } = await import('node:fs');
    await restoreNar(readNar(createReadStream('nar')), 'small/copy').catch((error) => console.log(error.code, error.message));
    console.log(readdirSync('small').length);`;
  const shell = 'mount -t tmpfs -o size=1m tmpfs small && exec "$0" --input-type=module -e "$1"';
  const printed = execFileSync('unshare', ['-Ur', '--mount', 'sh', '-c', shell, process.execPath, script], {
    cwd: directory,
    encoding: 'utf8',
  });
  assert.equal(printed, "ERR_DISK_FULL no room for 'small/copy/file'\n0\n");
});
