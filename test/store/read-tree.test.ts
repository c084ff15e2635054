import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { writeNar } from '../../ts/formats/nar/write.js';
import { readTree } from '../../ts/store/read-tree.js';
import { naiveNar } from '../support/naive-nar.js';
import { makeOddTree } from '../support/odd-tree.js';
import { requires } from '../support/requires.js';
import { temporaryDirectory } from '../support/temporary.js';

const directory = temporaryDirectory('read-tree');

function openPipes(): number {
  return readdirSync('/proc/self/fd').length;
}

test('the events of a tree are those of its NAR', async () => {
  const odd = makeOddTree(join(directory, 'odd'));
  const chunks: Uint8Array[] = [];
  for await (const chunk of writeNar(readTree(odd))) chunks.push(Buffer.from(chunk));
  assert.ok(Buffer.concat(chunks).equals(naiveNar(odd)));
});

test('what cannot be read is said as the system says it', async () => {
  await assert.rejects(
    async () => {
      for await (const _ of readTree(join(directory, 'missing')));
    },
    { code: 'ENOENT' },
  );
});

test(
  'a reader that stops early, and one that is cancelled, leave no descriptor open',
  requires('linux'),
  async () => {
    const large = join(directory, 'large');
    mkdirSync(large);
    for (let i = 0; i < 20; i++) writeFileSync(join(large, `${i}`), Buffer.alloc(300_000));
    const before = openPipes();
    for await (const event of readTree(large)) if (event.kind === 'data') break;
    const controller = new AbortController();
    const reason = new Error('enough');
    await assert.rejects(async () => {
      for await (const event of readTree(large, { signal: controller.signal })) {
        if (event.kind === 'data') controller.abort(reason);
      }
    }, reason);
    // libuv closes a socket in the next turn of its loop.
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    assert.equal(openPipes(), before);
  },
);
