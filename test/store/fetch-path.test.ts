import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { formatContentAddress } from '../../ts/formats/content-address.js';
import { hashBytes } from '../../ts/formats/hash-bytes.js';
import { makeFixedOutputPath } from '../../ts/formats/make-store-path.js';
import { parseStorePath } from '../../ts/formats/store-path.js';
import { native } from '../../ts/native.js';
import type { PathInfo } from '../../ts/store/path-info.js';
import { openTestStore, somePath } from '../support/stores.js';
import { temporaryDirectory } from '../support/temporary.js';

const directory = temporaryDirectory('fetch-path');
let made = 0;

/** What an honest store would say of a tree that `make` makes. */
async function describe(
  make: (place: string) => void,
  more: Partial<PathInfo> = {},
): Promise<{ info: PathInfo; fetch: (destination: string) => Promise<void> }> {
  const sample = join(directory, `sample-${++made}`);
  make(sample);
  const { hash, narSize } = await native.hashTree(sample, []);
  const info: PathInfo = {
    path: somePath('a'),
    narHash: { algorithm: 'sha256', hex: hash },
    narSize,
    references: [],
    registrationTime: 0,
    ultimate: false,
    signatures: [],
    ...more,
  };
  return { info, fetch: async (destination) => make(destination) };
}

const text = (contents: string) => (place: string) => writeFileSync(place, contents);
const newStore = (name: string) => openTestStore(join(directory, name));

/** Nothing in the store directory but what was there before. */
function assertNothingLeft(realStoreDir: string): void {
  assert.deepEqual(
    readdirSync(realStoreDir).filter((name) => name !== '.links' && !name.endsWith('.lock')),
    [],
  );
}

test('what is fetched is canonical and registered, and not fetched twice', async () => {
  await using store = await newStore('fetched');
  const { info, fetch } = await describe((place) => {
    mkdirSync(place);
    writeFileSync(join(place, 'file'), 'x', { mode: 0o600 });
    chmodSync(place, 0o700);
  });
  const added = await store.fetchPath({ info, fetch });
  assert.deepEqual({ ...added, registrationTime: 0 }, info);
  assert.deepEqual(await store.verifyPath(info.path), { kind: 'good' });
  await store.fetchPath({ info, fetch: () => assert.fail('it is valid already') });
});

test('Guix 2026-07-02: another hash or size is refused with both, and nothing is left', async () => {
  await using store = await newStore('mismatch');
  const { info } = await describe(text('right'));
  const { fetch } = await describe(text('wrong'));
  await assert.rejects(store.fetchPath({ info, fetch }), {
    code: 'ERR_SUBSTITUTE',
    message:
      /^hash mismatch importing path '.*';\n {2}specified: sha256:[0-9a-z]{52}\n {2}got: {7}sha256:[0-9a-z]{52}$/,
  });
  const right = await describe(text('right'));
  await assert.rejects(store.fetchPath({ info: { ...info, narSize: 1 }, fetch: right.fetch }), {
    code: 'ERR_SUBSTITUTE',
    message: /^size mismatch importing path '.*';\n {2}specified: 1\n {2}got: {7}120$/,
  });
  assert.ok(!store.isValid(info.path));
  assertNothingLeft(store.directories.realStoreDir);
});

test('a content address is compared with the contents', async () => {
  await using store = await newStore('content-address');
  const address = { method: 'flat', hash: hashBytes('sha256', Buffer.from('promised')) } as const;
  const path = makeFixedOutputPath('/nix/store', { name: 'x', ...address });
  const contentAddress = formatContentAddress(address);
  const other = await describe(text('something else'), { path, contentAddress });
  await assert.rejects(store.fetchPath(other), { code: 'ERR_SUBSTITUTE', message: /^ca hash mismatch/ });
  // The same bytes, but not what the address stands for.
  const outside = join(directory, 'outside');
  writeFileSync(outside, 'promised');
  const link = await describe((place) => symlinkSync(outside, place), { path, contentAddress });
  await assert.rejects(store.fetchPath(link), { code: 'ERR_SUBSTITUTE', message: /not/ });
  const program = await describe((place) => writeFileSync(place, 'promised', { mode: 0o755 }), {
    path,
    contentAddress,
  });
  await assert.rejects(store.fetchPath(program), { code: 'ERR_SUBSTITUTE' });
  assertNothingLeft(store.directories.realStoreDir);
  await store.fetchPath(await describe(text('promised'), { path, contentAddress }));
  assert.ok(store.isValid(path));
});

test('a content address is compared also with contents that name their own path', async () => {
  await using store = await newStore('self');
  const tree = (hashPart: string, word: string) => (place: string) => {
    mkdirSync(place);
    writeFileSync(join(place, 'self'), `${word} /nix/store/${hashPart}-x`);
    symlinkSync(`/nix/store/${hashPart}-x/self`, join(place, 'link'));
  };
  // What is hashed has zeros for the path, so the path can be made of the hash.
  const [sample, anyHashPart] = [join(directory, 'self-sample'), 'a'.repeat(32)];
  tree(anyHashPart, 'right')(sample);
  const { hash: hex } = await native.hashTree(sample, [], { modulo: anyHashPart });
  const address = { method: 'nar', hash: { algorithm: 'sha256', hex } } as const;
  const path = makeFixedOutputPath('/nix/store', { name: 'x', ...address, self: true });
  const { hashPart } = parseStorePath('/nix/store', path);
  const said = { path, references: [path], contentAddress: formatContentAddress(address) };

  for (const wrong of [tree(hashPart, 'wrong'), tree(anyHashPart, 'right')]) {
    const other = await describe(wrong, said);
    await assert.rejects(store.fetchPath(other), { code: 'ERR_SUBSTITUTE', message: /^ca hash mismatch/ });
  }
  assertNothingLeft(store.directories.realStoreDir);
  await store.fetchPath(await describe(tree(hashPart, 'right'), said));
  assert.ok(store.isValid(path));
});

test('a reference that is not valid, a FIFO, and what the source throws leave nothing', async () => {
  await using store = await newStore('failures');
  const dangling = await describe(text('x'), { references: [somePath('b')] });
  await assert.rejects(store.fetchPath(dangling), { code: 'ERR_PATH_INVALID' });
  const { info } = await describe(text('x'));
  const failing = async (destination: string) => {
    mkdirSync(destination);
    throw new Error('the line is cut');
  };
  await assert.rejects(store.fetchPath({ info, fetch: failing }), { message: 'the line is cut' });
  assert.ok(!existsSync(store.realPath(info.path)));
  assertNothingLeft(store.directories.realStoreDir);
});
