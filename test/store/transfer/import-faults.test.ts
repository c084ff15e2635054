import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { native } from '../../../ts/native.js';
import { fixturePath } from '../../support/fixtures.js';
import { longForm, requires } from '../../support/requires.js';
import { openTestStore } from '../../support/stores.js';
import { temporaryDirectory } from '../../support/temporary.js';

// The system calls of an import fail, or kill the process, one at a time.
const directory = temporaryDirectory('import-faults');
const script = fileURLToPath(new URL('../../support/import-once.js', import.meta.url));
const stream = fixturePath('store', 'nix-2.8-closure.export');
const calls = [
  'mkdirat',
  'openat',
  'write',
  'pwrite64',
  'symlinkat',
  'renameat2',
  'fchmod',
  'utimensat',
  'unlinkat',
  'flock',
];
const points = longForm ? 40 : 1;

test('whichever system call fails or kills, what is valid is whole, and the next import completes it', {
  ...requires('linux', 'program:strace'),
}, async (t) => {
  const trace = join(directory, 'trace');
  const run = (root: string, ...strace: string[]) =>
    spawnSync('strace', ['-f', '-qq', '-o', trace, ...strace, process.execPath, script, root, stream], {
      encoding: 'utf8',
    });
  const whole = join(directory, 'whole');
  assert.equal(run(whole, '-e', `trace=${calls}`).status, 0);
  const lines = readFileSync(trace, 'latin1').split('\n');
  await using sound = await openTestStore(whole, { readOnly: true });
  const expected = sound.validPaths().sort();
  let struck = 0;
  for (const call of calls) {
    const total = lines.filter((line) => line.includes(` ${call}(`)).length;
    for (const effect of ['error=ENOSPC', 'error=EIO', 'signal=KILL']) {
      for (let point = 0; point < Math.min(points, total); point++) {
        const when = longForm ? 1 + Math.floor((point * total) / points) : 1 + Math.floor(total / 2);
        const what = `${call}:${effect}:when=${when}`;
        const root = join(directory, 'store');
        const { status, stdout } = run(root, '-e', `trace=${call}`, '-e', `inject=${what}`);
        if (status !== 0) struck++;
        if (stdout !== '') assert.match(stdout, /^ERR_/, what);
        await assertWhole(root, expected, what);
        assert.equal(spawnSync(process.execPath, [script, root, stream]).status, 0, what);
        await assertWhole(root, expected, what, expected.length);
        await native.removeTree(root);
      }
    }
  }
  t.diagnostic(`${struck} imports did not succeed`);
  assert.ok(struck > 0);
});

async function assertWhole(
  root: string,
  expected: readonly string[],
  what: string,
  count?: number,
): Promise<void> {
  await using store = await openTestStore(root);
  const valid = store.validPaths();
  for (const path of valid) {
    assert.ok(expected.includes(path), what);
    assert.equal((await store.verifyPath(path)).kind, 'good', what);
  }
  if (count !== undefined) assert.equal(valid.length, count, what);
}
