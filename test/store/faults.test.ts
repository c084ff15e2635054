import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { native } from '../../ts/native.js';
import { longForm, requires } from '../support/requires.js';
import { openTestStore } from '../support/stores.js';
import { temporaryDirectory } from '../support/temporary.js';

// The system calls of one small life of a store fail, or kill the process, one at a time.
const directory = temporaryDirectory('faults');
const script = fileURLToPath(new URL('../support/store-once.js', import.meta.url));
const calls = [
  'mkdir',
  'pwrite64',
  'ftruncate',
  'fsync',
  'unlink',
  'rename',
  'renameat2',
  'fchmod',
  'utimensat',
  'flock',
];
const points = longForm ? 40 : 1;

test('whichever system call fails or kills, the store is sound and the next attempt succeeds', {
  ...requires('linux', 'program:strace'),
}, async (t) => {
  const source = join(directory, 'source');
  mkdirSync(join(source, 'sub'), { recursive: true });
  writeFileSync(join(source, 'sub', 'file'), 'x');
  const trace = join(directory, 'trace');
  const run = (root: string, ...strace: string[]) => {
    const args = ['-f', '-qq', '-o', trace, ...strace, process.execPath, script, root, source];
    return spawnSync('strace', args, { encoding: 'utf8' });
  };

  assert.equal(run(join(directory, 'whole'), '-e', `trace=${calls}`).status, 0);
  const lines = readFileSync(trace, 'latin1').split('\n');
  const failures = new Map<string, number>();
  for (const call of calls) {
    const total = lines.filter((line) => line.includes(` ${call}(`)).length;
    for (const effect of ['error=EIO', 'signal=KILL']) {
      for (let point = 0; point < Math.min(points, total); point++) {
        const when = longForm ? 1 + Math.floor((point * total) / points) : 1 + Math.floor(total / 2);
        const what = `${call}:${effect}:when=${when}`;
        const root = join(directory, 'store');
        const { status, stdout } = run(root, '-e', `trace=${call}`, '-e', `inject=${what}`);
        if (status !== 0) failures.set(effect, (failures.get(effect) ?? 0) + 1);
        // What the script makes by itself is nobody's to explain.
        if (stdout !== '') assert.match(stdout, /^(ERR_|EIO$)/, what);
        assert.equal(spawnSync(process.execPath, [script, root, source]).status, 0, what);
        await using store = await openTestStore(root, { readOnly: true });
        assert.equal(store.validPaths().length, 3, what);
        for (const path of store.validPaths()) {
          const { hash } = await native.hashTree(store.realPath(path), []);
          assert.equal(hash, store.pathInfo(path).narHash.hex, what);
        }
        store.close();
        await native.removeTree(root);
      }
    }
  }
  t.diagnostic(`runs that did not succeed: ${JSON.stringify([...failures])}`);
  assert.ok(failures.size === 2, 'no fault ever struck');
});
