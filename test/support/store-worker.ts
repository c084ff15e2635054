import { mkdirSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { native } from '../../ts/native.js';
import { openTestStore } from './stores.js';

// A process that works on a store until it is killed, for the tests of crashes and of locks.
//   add ROOT SCRATCH SEED   adds texts, trees and outputs until stdin ends, saying each path once it is valid
//   lock ROOT PATH          locks a path and says `locked`; `release` on stdin gives the lock back
//   root ROOT PATH          makes a temporary root and says `rooted`; ends with stdin
//   collect ROOT            collects garbage, saying each path before it is removed
//   open ROOT               for each line on stdin makes the next new store beside ROOT, and says `opened`
const [verb, root, ...args] = process.argv.slice(2) as [string, string, ...string[]];
const store = await openTestStore(root);
const lines = createInterface({ input: process.stdin });

if (verb === 'add') {
  const [scratch, seed] = args as [string, string];
  // Who started it may be gone without having killed it.
  lines.on('close', () => process.exit());
  for (let i = 0; ; i++) {
    const text = await store.addText({ name: `text-${i}`, contents: `${seed} ${i}`, references: [] });
    const source = join(scratch, `${seed}-${i}`);
    mkdirSync(join(source, 'sub'), { recursive: true });
    writeFileSync(join(source, 'sub', 'file'), `${text}\n${'x'.repeat(100_000)}`);
    const tree = await store.addPath({ name: `tree-${i}`, source, references: [text] });
    // As an output, it moves into place.
    await native.canonicaliseTree(source);
    const { hash: sha256, narSize } = await native.hashTree(source, []);
    const path = `/nix/store/${tree.path.slice(11, 43).split('').reverse().join('')}-output-${i}`;
    await store.registerOutputs([
      { path, source, narHash: { algorithm: 'sha256', hex: sha256 }, narSize, references: [tree.path] },
    ]);
    process.stdout.write(`${text}\n${tree.path}\n${path}\n`);
  }
} else if (verb === 'lock') {
  const locks = await store.lockPaths(args);
  process.stdout.write('locked\n');
  for await (const line of lines)
    if (line.startsWith('release')) locks.release({ delete: line.endsWith('delete') });
} else if (verb === 'collect') {
  const onEvent = (event: { type: string; path?: string }) => {
    if (event.type === 'collect.deleted') say(`${event.path}\n`);
  };
  await store.collectGarbage({ onEvent });
  process.exit();
} else if (verb === 'open') {
  for await (const other of lines) {
    (await openTestStore(other)).close();
    process.stdout.write('opened\n');
  }
  store.close();
} else {
  await store.addTempRoot(...args);
  process.stdout.write('rooted\n');
  for await (const _ of lines);
  store.close();
}

/** At once, so that a kill takes nothing of it back; waits where the pipe is full, which it does not do by itself. */
function say(text: string): void {
  for (;;) {
    try {
      writeSync(1, text);
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
  }
}
