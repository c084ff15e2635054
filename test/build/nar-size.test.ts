import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { narSizeOf } from '../../ts/build/nar-size.js';
import { native } from '../../ts/native.js';
import { temporaryDirectory } from '../support/temporary.js';

const directory = temporaryDirectory('nar-size');
const { signal } = new AbortController();

test('the length of a NAR is known from its tree, no file of which is opened', async () => {
  const tree = join(directory, 'tree');
  mkdirSync(join(tree, 'empty'), { recursive: true });
  mkdirSync(join(tree, 'full'));
  for (let length = 0; length < 20; length++) {
    writeFileSync(join(tree, 'full', 'n'.repeat(length + 1)), 'x'.repeat(length));
    symlinkSync('t'.repeat(length + 1), join(tree, 'full', `link-${length}`));
  }
  writeFileSync(Buffer.concat([Buffer.from(`${tree}/`), Buffer.from([0xff, 0xfe])]), '');
  writeFileSync(join(tree, 'executable'), '', { mode: 0o755 });
  writeFileSync(join(tree, 'a~nix~case~hack~1'), '');
  for (const caseHack of [false, true]) {
    for (const path of [tree, join(tree, 'empty'), join(tree, 'executable'), join(tree, 'full/link-3')]) {
      const { narSize } = await native.hashTree(path, [], { caseHack });
      assert.equal(await narSizeOf(path, { signal, caseHack }), narSize, path);
    }
  }
  const closed = join(directory, 'closed');
  writeFileSync(closed, '');
  truncateSync(closed, 2 ** 40);
  chmodSync(closed, 0);
  assert.equal(await narSizeOf(closed, { signal, caseHack: false }), 2 ** 40 + 112);
});

test('an abort ends the walk', async () => {
  await assert.rejects(
    narSizeOf(directory, { signal: AbortSignal.abort('enough'), caseHack: false }),
    (reason) => {
      assert.equal(reason, 'enough');
      return true;
    },
  );
});
