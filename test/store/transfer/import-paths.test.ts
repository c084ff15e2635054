import assert from 'node:assert/strict';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { test } from 'node:test';
import type { AirplantError } from '../../../ts/base/errors.js';
import type { ExportedPath } from '../../../ts/formats/export/item.js';
import { endOfExport, pathTrailer, startOfPath } from '../../../ts/formats/export/write.js';
import { dumpTree, type NarTree } from '../../../ts/formats/nar/tree.js';
import { native } from '../../../ts/native.js';
import type { LocalStore } from '../../../ts/store/local-store.js';
import { readFixture } from '../../support/fixtures.js';
import { longForm } from '../../support/requires.js';
import { openTestStore, somePath } from '../../support/stores.js';
import { temporaryDirectory } from '../../support/temporary.js';

const directory = temporaryDirectory('import');
const closure = readFixture('store', 'nix-2.8-closure.export');

const streamOf = (...items: readonly { tree: NarTree; trailer: ExportedPath }[]) =>
  Buffer.concat([
    ...items.flatMap(({ tree, trailer }) => [startOfPath, dumpTree(tree), pathTrailer(trailer)]),
    endOfExport,
  ]);
const file = (text: string): NarTree => ({ type: 'regular', executable: false, contents: Buffer.from(text) });

/** Everything in the store directory but what belongs there: valid paths, and empty lock files. */
function strays(store: LocalStore): string[] {
  const valid = new Set(store.validPaths().map((path) => path.slice('/nix/store/'.length)));
  return readdirSync(store.directories.realStoreDir).filter(
    (name) => !valid.has(name.replace(/\.lock$/, '')) && name !== '.links',
  );
}

async function assertSound(store: LocalStore): Promise<void> {
  assert.deepEqual(
    strays(store).filter((name) => !name.endsWith('.lock')),
    [],
  );
  for (const path of store.validPaths()) {
    assert.equal((await store.verifyPath(path)).kind, 'good', path);
    for (const reference of store.references(path)) assert.ok(store.isValid(reference));
  }
}

test('a closure that Nix exported: imported, registered with all that is said, exported as it came', async () => {
  await using store = await openTestStore(join(directory, 'closure'));
  const paths = await store.importPaths(Readable.from([closure]));
  assert.deepEqual(store.validPaths().toSorted(), paths.toSorted());
  assert.ok((await buffer(Readable.from(store.exportPaths(paths)))).equals(closure));
  await assertSound(store);
  assert.deepEqual(strays(store), []);
});

test('a stream cut short anywhere leaves whole paths and nothing else', async () => {
  const root = join(directory, 'cut');
  for (let length = 8; length < closure.length; length += longForm ? 8 : 331) {
    await using store = await openTestStore(root);
    await assert.rejects(
      store.importPaths(Readable.from([closure.subarray(0, length)])),
      (error: AirplantError) => {
        assert.match(error.code, /^ERR_(EXPORT|NAR)$/);
        assert.equal(error.details['imported'], store.validPaths().length);
        return true;
      },
    );
    await assertSound(store);
    await store.close();
    await native.removeTree(root);
  }
});

test('what the paths say of themselves is checked', async () => {
  const [a, b] = [somePath('a'), somePath('b')];
  const drv = somePath('d', 'd.drv');
  const wrong: Readonly<Record<string, readonly [ExportedPath, string]>> = {
    'no store path': [{ path: '/nix/store/../../etc/passwd', references: [] }, 'ERR_STORE_PATH'],
    'a path of another store directory': [
      { path: a.replace('/nix/store', '/nix/store2'), references: [] },
      'ERR_STORE_PATH',
    ],
    'a path below a path': [{ path: `${a}/x`, references: [] }, 'ERR_STORE_PATH'],
    'an empty path': [{ path: '', references: [] }, 'ERR_STORE_PATH'],
    'a name with a NUL': [{ path: `${a}\0`, references: [] }, 'ERR_STORE_PATH'],
    'a reference that is not there': [{ path: a, references: [b] }, 'ERR_PATH_INVALID'],
    'a reference that is none': [{ path: a, references: ['b'] }, 'ERR_STORE_PATH'],
    'a deriver that is none': [{ path: a, references: [], deriver: 'x' }, 'ERR_STORE_PATH'],
    'a derivation that is none': [{ path: drv, references: [] }, 'ERR_DERIVATION_SYNTAX'],
  };
  for (const [what, [trailer, code]] of Object.entries(wrong)) {
    await using store = await openTestStore(join(directory, 'said'));
    await assert.rejects(
      store.importPaths(Readable.from([streamOf({ tree: file('x'), trailer })])),
      { code },
      what,
    );
    assert.deepEqual(store.validPaths(), [], what);
    await assertSound(store);
  }
});

test('a derivation that claims the output of another is refused', async () => {
  const out = somePath('f', 'victim');
  const text = `Derive([("out","${out}","","")],[],[],"x86_64-linux","/bin/sh",[],[("name","x"),("out","${out}")])`;
  await using store = await openTestStore(join(directory, 'claim'));
  const trailer = { path: somePath('g', 'x.drv'), references: [] };
  await assert.rejects(store.importPaths(Readable.from([streamOf({ tree: file(text), trailer })])), {
    code: 'ERR_DERIVATION_INVALID',
  });
  assert.deepEqual(store.validDerivers(out), []);
  await assertSound(store);
});

test('a path that is valid stays as it is, whatever the stream has for it', async () => {
  await using store = await openTestStore(join(directory, 'valid'));
  const [path] = await store.importPaths(Readable.from([closure]));
  const before = store.pathInfo(path!);
  const stream = streamOf({ tree: file('other'), trailer: { path: path!, references: [] } });
  const told: boolean[] = [];
  await store.importPaths(Readable.from([stream]), { onImported: (_, wasValid) => told.push(wasValid) });
  assert.deepEqual(told, [true]);
  assert.deepEqual(store.pathInfo(path!), before);
  await assertSound(store);
});

test('cycles and references forward are refused; a path may refer to itself', async () => {
  const [a, b] = [somePath('a'), somePath('b')];
  await using store = await openTestStore(join(directory, 'cycle'));
  const item = (path: string, ...references: string[]) => ({
    tree: file(path),
    trailer: { path, references },
  });
  await assert.rejects(store.importPaths(Readable.from([streamOf(item(a, b), item(b, a))])), {
    code: 'ERR_PATH_INVALID',
  });
  await store.importPaths(Readable.from([streamOf(item(b, b), item(a, b, b, a))]));
  assert.deepEqual(store.references(a), [a, b]);
  await assertSound(store);
});

test('more after the end is an error, after all is imported, unless it is somebody else’s', async () => {
  await using store = await openTestStore(join(directory, 'more'));
  const stream = Buffer.concat([closure, Buffer.from('more')]);
  await assert.rejects(store.importPaths(Readable.from([stream])), {
    code: 'ERR_EXPORT',
    message: /nothing more/,
  });
  const count = store.validPaths().length;
  assert.ok(count > 0);
  assert.equal((await store.importPaths(Readable.from([stream]), { rest: 'leave' })).length, count);
});

test('the source failing, the signal and closing the store stop an import without a trace', async () => {
  const half = closure.subarray(0, 700);
  const failing = (then: () => Promise<never>) =>
    (async function* () {
      yield half;
      await then();
    })();
  await using store = await openTestStore(join(directory, 'stopped'));
  const reason = new Error('the line is dead');
  await assert.rejects(store.importPaths(failing(() => Promise.reject(reason))), reason);
  const controller = new AbortController();
  const stream = (async function* () {
    yield half;
    controller.abort(reason);
    yield closure.subarray(700);
  })();
  await assert.rejects(store.importPaths(stream, { signal: controller.signal }), reason);
  await assertSound(store);
});

test('an export of what has changed on the disk breaks off, and imports nothing of it', async () => {
  await using store = await openTestStore(join(directory, 'changed'));
  await using other = await openTestStore(join(directory, 'changed-other'));
  const source = join(directory, 'changed-source');
  writeFileSync(source, 'as it was');
  const { path } = await store.addPath({ name: 'changed', source });
  const real = store.realPath(path);
  await native.removeTree(real);
  writeFileSync(real, 'as it is', { mode: 0o444 });
  await assert.rejects(other.importPaths(store.exportPaths([path])), {
    code: 'ERR_PATH_MODIFIED',
    message: /^hash of path '.*' has changed from 'sha256:/,
  });
  assert.deepEqual(other.validPaths(), []);
  await assertSound(other);
  await assert.rejects(buffer(Readable.from(store.exportPaths([somePath('c')]))), {
    code: 'ERR_PATH_INVALID',
  });
});
