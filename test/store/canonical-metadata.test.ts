import assert from 'node:assert/strict';
import { chmodSync, lstatSync, readlinkSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { readNar } from '../../ts/formats/nar/read.js';
import { parseNarInfo } from '../../ts/formats/narinfo.js';
import { native } from '../../ts/native.js';
import { restoreNar } from '../../ts/store/restore-nar.js';
import { readFixture } from '../support/fixtures.js';
import { temporaryDirectory } from '../support/temporary.js';

// `find -printf '%y %m %T@ %s %p -> %l\n'` in a store of Nix 2.8, and the archives of what lies in it.
const listing = readFixture('store', 'nix-2.8-store-listing.txt')
  .toString()
  .trimEnd()
  .split('\n')
  .map((line) => /^(.) (\d+) (\S+) (\d+) \.\/([^ ]+) -> (.*)$/.exec(line))
  .filter((match) => match !== null && !match[5]!.startsWith('.'))
  .map((match) => {
    const [, type, mode, mtime, size, path, target] = match!;
    return { type, mode, mtime: Number(mtime), size: type === 'd' ? 0 : Number(size), path: path!, target };
  });

test('what canonicaliseTree makes of a tree is what Nix has in its store', async (t) => {
  const directory = temporaryDirectory('canonical');
  const roots = listing.filter(({ path }) => !path.includes('/'));
  let compared = 0;
  for (const { path: base } of roots) {
    const nar = archiveOf(base);
    if (!nar) continue;
    compared++;
    await t.test(base, async () => {
      const root = join(directory, base);
      await restoreNar(readNar([nar]), root);
      const expected = listing.filter(({ path }) => path === base || path.startsWith(`${base}/`));
      for (const { path, type, mode } of expected.toReversed()) {
        if (type === 'l') continue;
        // Any mode will do: only the owner's x bit counts.
        chmodSync(join(directory, path), mode === '444' ? 0o606 : 0o2713);
        utimesSync(join(directory, path), 2e9, 2e9);
      }
      await native.canonicaliseTree(root);
      assert.deepEqual(
        expected.map(({ path }) => described(directory, path)),
        expected,
      );
    });
  }
  assert.ok(compared >= 12, `${compared} of ${roots.length}`);
});

function archiveOf(base: string): Buffer | undefined {
  let text: string;
  try {
    text = readFixture('cache', 'none', `${base.slice(0, 32)}.narinfo`).toString();
  } catch {
    return undefined;
  }
  return readFixture('cache', 'none', ...parseNarInfo('/nix/store', text).url.split('/'));
}

function described(directory: string, path: string) {
  const file = join(directory, path);
  const stats = lstatSync(file);
  const type = stats.isDirectory() ? 'd' : stats.isSymbolicLink() ? 'l' : 'f';
  return {
    type,
    mode: (stats.mode & 0o7777).toString(8),
    mtime: stats.mtimeMs / 1000,
    size: type === 'd' ? 0 : stats.size,
    path,
    target: type === 'l' ? readlinkSync(file) : '',
  };
}
