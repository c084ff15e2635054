import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { basename, dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { evaluatedObjects } from '../../ts/derivation/author/evaluator.js';
import { endOfExport, pathTrailer, startOfPath } from '../../ts/formats/export/write.js';
import { hashBytes } from '../../ts/formats/hash-bytes.js';
import { dumpTree, type NarTree } from '../../ts/formats/nar/tree.js';
import { instantiate } from '../../ts/store/instantiate.js';
import { withShortcut } from '../../ts/store/socket-shortcut.js';
import { someDerivation } from '../support/fake-builds.js';
import { openTestStore, somePath } from '../support/stores.js';
import { temporaryDirectory } from '../support/temporary.js';

// What somebody may have put under a name in `.drv`.
const directory = temporaryDirectory('drv');
const drv = somePath('d', 'x.drv');
const text = 'Derive(';

const shapes: Readonly<Record<string, (place: string) => void>> = {
  'a symlink': (place) => symlinkSync('/etc/passwd', place),
  'a directory': (place) => mkdirSync(place),
  'a FIFO': (place) => void execFileSync('mkfifo', [place]),
  '1073741824 bytes long': (place) => {
    writeFileSync(place, text);
    truncateSync(place, 2 ** 30);
  },
};

const refusal = (shape: string, path = drv) => ({
  code: 'ERR_DERIVATION_SYNTAX',
  message: new RegExp(`${path}'? is ${shape}, `),
});

for (const [shape, make] of Object.entries(shapes)) {
  test(`${shape} is not registered as a derivation`, async () => {
    await using store = await openTestStore(join(directory, `register ${shape}`));
    make(store.realPath(drv));
    const registration = `${drv}\n${'0'.repeat(64)}\n1\n\n0\n`;
    const how = { hashGiven: true, reregister: true, canonicalise: false };
    await assert.rejects(
      store.registerPaths(Readable.from([Buffer.from(registration)]), how),
      refusal(shape),
    );
    assert.deepEqual(store.validPaths(), []);
  });

  test(`${shape} is not read in the place of a valid derivation`, async () => {
    const { root, drvPath, file } = await storeWithDerivation(`read ${shape}`);
    await using store = await openTestStore(root);
    make(file);
    assert.throws(() => store.readDerivation(drvPath), refusal(shape, drvPath));
    // Of nothing at all the operating system says so.
    rmSync(file, { recursive: true });
    assert.throws(() => store.readDerivation(drvPath), { code: 'ERR_SYSTEM', message: /ENOENT/ });
  });
}

test('a socket is not read in the place of a valid derivation', async () => {
  const { root, drvPath, file } = await storeWithDerivation('socket');
  await using store = await openTestStore(root);
  const server = createServer();
  await withShortcut(dirname(file), async (shortcut) => {
    server.listen(join(shortcut, basename(file)));
    await once(server, 'listening');
  });
  try {
    assert.throws(() => store.readDerivation(drvPath), refusal('a socket', drvPath));
  } finally {
    server.close();
  }
});

/** A store with a valid derivation whose file is gone. */
async function storeWithDerivation(name: string) {
  const root = join(directory, name);
  await using store = await openTestStore(root);
  const value = someDerivation('x');
  await instantiate(evaluatedObjects(value), store);
  const file = store.realPath(value.drvPath);
  rmSync(file);
  return { root, drvPath: value.drvPath, file };
}

const trees: Readonly<Record<string, NarTree>> = {
  'a symlink': { type: 'symlink', target: '/etc/passwd' },
  'a directory': { type: 'directory', entries: new Map() },
};

for (const [shape, tree] of Object.entries(trees)) {
  test(`${shape} that calls itself a derivation does not come into a store, by whatever way`, async () => {
    await using store = await openTestStore(join(directory, `come ${shape}`));
    const nar = dumpTree(tree);
    const trailer = { path: drv, references: [] };
    const stream = [startOfPath, nar, pathTrailer(trailer), endOfExport];
    await assert.rejects(store.importPaths(Readable.from(stream)), refusal(shape));
    const narHash = hashBytes('sha256', nar);
    const known = { registrationTime: 0, ultimate: false, signatures: [] };
    const info = { path: drv, narHash, narSize: nar.length, references: [], ...known };
    await assert.rejects(store.addNar({ info, source: Readable.from([nar]) }), refusal(shape));
    const fetch = async (place: string) => shapes[shape]!(place);
    await assert.rejects(store.fetchPath({ info, fetch }), refusal(shape));
    assert.deepEqual(store.validPaths(), []);
    const left = readdirSync(store.directories.realStoreDir).filter((name) => name !== '.links');
    assert.deepEqual(
      left.filter((name) => !name.endsWith('.lock')),
      [],
    );
  });
}
