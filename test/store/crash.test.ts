import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { native } from '../../ts/native.js';
import type { LocalStore } from '../../ts/store/local-store.js';
import { longForm, requires } from '../support/requires.js';
import { openTestStore, somePath, startScript } from '../support/stores.js';
import { temporaryDirectory } from '../support/temporary.js';

const directory = temporaryDirectory('crash');

/** What must hold after whatever happened: valid means there, whole, and so are all references. */
async function assertSound(store: LocalStore): Promise<void> {
  for (const path of store.validPaths()) {
    const { narHash, narSize, references } = store.pathInfo(path);
    const found = await native.hashTree(store.realPath(path), []);
    assert.deepEqual([found.hash, found.narSize], [narHash.hex, narSize], path);
    for (const reference of references) assert.ok(store.isValid(reference), `${path} -> ${reference}`);
  }
}

test('killed at any moment, a store holds whole paths or none', async () => {
  const root = join(directory, 'killed');
  const scratch = join(directory, 'scratch');
  mkdirSync(scratch);
  (await openTestStore(root)).close();
  const rounds = longForm ? 100 : 8;
  for (let round = 0; round < rounds; round++) {
    const workers = ['a', 'b'].map((name) =>
      startScript('store-worker', 'add', root, scratch, `${round}${name}`),
    );
    let said = '';
    for (const { child } of workers) child.stdout.on('data', (chunk) => (said += chunk));
    await Promise.race(workers.map(({ until }) => until(() => said !== '')));
    await sleep(Math.random() * 120);
    for (const { child } of workers) child.kill('SIGKILL');
    await Promise.all(workers.map(({ exit }) => exit));

    await using store = await openTestStore(root);
    await assertSound(store);
    // What was reported as valid is.
    for (const path of said.split('\n').slice(0, -1)) assert.ok(store.isValid(path), path);
    // Whatever was left over is no obstacle.
    await store.addText({ name: `text-${round}`, contents: `after ${round}`, references: [] });
  }
});

test('processes that make the same new store at once all get it', async () => {
  const workers = ['a', 'b', 'c'].map((name) =>
    startScript('store-worker', 'open', join(directory, `opener-${name}`)),
  );
  for (let round = 0; round < 40; round++) {
    const opened = workers.map(({ said }) => said());
    for (const { child } of workers) child.stdin.write(`${join(directory, 'new', `${round}`)}\n`);
    assert.deepEqual(await Promise.all(opened), ['opened', 'opened', 'opened']);
  }
  for (const { child } of workers) child.stdin.end();
  const ends = await Promise.all(workers.map(({ exit }) => exit));
  assert.deepEqual(ends.flat(), [0, null, 0, null, 0, null]);
});

test('two processes adding the same things at once', async () => {
  const root = join(directory, 'same');
  const scratches = ['one', 'two'].map((name) => join(directory, name));
  for (const scratch of scratches) mkdirSync(scratch);
  const workers = scratches.map((scratch) => startScript('store-worker', 'add', root, scratch, 'seed'));
  const said = workers.map(({ child }) => {
    const lines: string[] = [];
    child.stdout.on('data', (chunk: string) => lines.push(...chunk.split('\n').filter(Boolean)));
    return lines;
  });
  try {
    await Promise.all(workers.map(({ until }, index) => until(() => said[index]!.length >= 30)));
  } finally {
    for (const { child } of workers) child.kill();
    await Promise.all(workers.map(({ exit }) => exit));
  }
  assert.deepEqual(said[0]!.slice(0, 30), said[1]!.slice(0, 30));
  await using store = await openTestStore(root);
  await assertSound(store);
});

test(
  'as root: a full disk is one clear error, and afterwards nothing is wrong',
  requires('linux', 'root'),
  async () => {
    const root = join(directory, 'full');
    mkdirSync(root);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=3m', 'tmpfs', root]);
    try {
      await using store = await openTestStore(root);
      assert.ok(!readdirSync(join(store.directories.stateDir, 'db')).includes('reserved'));
      const source = join(directory, 'big');
      mkdirSync(source);
      let valid = 0;
      await assert.rejects(
        async () => {
          for (let i = 0; i < 100; i++) {
            writeFileSync(join(source, 'f'), Buffer.alloc(200_000, i + 1));
            await store.addPath({ name: 'big', source });
            valid++;
          }
        },
        { code: 'ERR_DISK_FULL' },
      );
      assert.ok(valid > 3, `${valid}`);
      assert.equal(store.validPaths().length, valid);
      await assertSound(store);
      // Now the database itself finds no room.
      let error: unknown;
      for (let i = 0; !error && i < 10_000; i++) {
        const text = { name: `t${i}`, contents: `${i}`, references: [] };
        await store.addText(text).catch((failure) => (error = failure));
      }
      assert.equal((error as { code: string }).code, 'ERR_DISK_FULL');
      await assertSound(store);
    } finally {
      spawnSync('umount', ['-l', root]);
    }
  },
);

test('an interrupted registration can be done again', async () => {
  await using store = await openTestStore(join(directory, 'again'));
  const abort = new AbortController();
  const make = async () => {
    const source = join(store.directories.realStoreDir, 'tmp-output');
    mkdirSync(source);
    await native.canonicaliseTree(source);
    const { hash: sha256, narSize } = await native.hashTree(source, []);
    return {
      path: somePath('a'),
      source,
      narHash: { algorithm: 'sha256', hex: sha256 } as const,
      narSize,
      references: [],
    };
  };
  abort.abort(new Error('stopped'));
  const output = await make();
  await assert.rejects(store.registerOutputs([output], { signal: abort.signal }), { message: 'stopped' });
  assert.ok(!store.isValid(output.path));
  await store.registerOutputs([output]);
  assert.ok(store.isValid(output.path));
});
