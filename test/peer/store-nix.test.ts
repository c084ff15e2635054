import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { formatHash } from '../../ts/formats/hash.js';
import type { LocalStore } from '../../ts/store/local-store.js';
import { createStaging } from '../../ts/store/staging.js';
import { TempRoots } from '../../ts/store/temp-roots.js';
import { RealNix } from '../support/nix.js';
import { parseDump, schemaOf } from '../support/nix-database.js';
import { requires } from '../support/requires.js';
import { openTestStore, startScript } from '../support/stores.js';
import { temporaryDirectory } from '../support/temporary.js';

// One store, two programs: airplant and the real Nix open, write and collect it side by side.
const needs = requires('program:nix-store');
const directory = temporaryDirectory('peer-store');
const lines = (text: string) => text.split('\n').filter(Boolean);
const newNix = (name: string) => new RealNix(directory, join(directory, name));

function makeTree(name: string): string {
  const tree = join(directory, name);
  mkdirSync(join(tree, 'sub', 'empty'), { recursive: true });
  writeFileSync(join(tree, 'sub', 'run'), '#!/bin/sh\n', { mode: 0o755 });
  writeFileSync(Buffer.concat([Buffer.from(`${tree}/`), Buffer.from([0x61, 0xff, 0x0a])]), 'odd name');
  symlinkSync('../nowhere', join(tree, 'sub', 'dangling'));
  return tree;
}

/** Everything the database says, by both. */
function assertSameDatabase(store: LocalStore, nix: RealNix): void {
  const dump = parseDump(nix.run('nix-store', '--dump-db'));
  assert.deepEqual(store.validPaths().sort(), [...dump.keys()].sort());
  for (const [path, theirs] of dump) {
    const { narHash, narSize, deriver = '', references } = store.pathInfo(path);
    assert.deepEqual({ hash: narHash.hex, narSize, deriver, references }, theirs, path);
    assert.deepEqual(store.referrers(path), lines(nix.run('nix-store', '-q', '--referrers', path)).sort());
    assert.deepEqual(
      store.closure([path]).toSorted(),
      lines(nix.run('nix-store', '-q', '--requisites', path)).sort(),
    );
    assert.equal(formatHash(narHash, 'base32'), nix.run('nix-store', '-q', '--hash', path));
    if (!path.endsWith('.drv')) continue;
    assert.deepEqual(
      [...store.derivationOutputs(path).values()].sort(),
      lines(nix.run('nix-store', '-q', '--outputs', path)).sort(),
    );
    for (const output of store.derivationOutputs(path).values())
      if (store.isValid(output))
        assert.deepEqual(
          store.validDerivers(output),
          lines(nix.run('nix-store', '-q', '--valid-derivers', output)),
        );
  }
}

test('a store of ours is a store to Nix', needs, async () => {
  const nix = newNix('ours');
  await using store = await openTestStore(nix.store);
  const text = await store.addText({ name: 'text', contents: 'one\n', references: [] });
  await store.addText({ name: 'user', contents: text, references: [text] });
  const source = makeTree('tree');
  const tree = await store.addPath({ name: 'tree', source });
  const flat = await store.addPath({
    name: 'flat',
    source: join(source, 'sub/run'),
    method: 'flat',
    algorithm: 'sha1',
  });
  const sha512 = await store.addPath({ name: 'nar', source, algorithm: 'sha512' });
  // The same paths, and nothing left to do.
  assert.equal(nix.run('nix-store', '--add', source), tree.path);
  assert.equal(nix.run('nix-store', '--add-fixed', 'sha1', join(source, 'sub/run')).slice(-4), '-run');
  assert.equal(
    nix.run('nix-store', '--print-fixed-path', 'sha1', readHash(flat.contentAddress!), 'flat'),
    flat.path,
  );
  const recursive = ['--recursive', 'sha512', readHash(sha512.contentAddress!), 'nar'];
  assert.equal(nix.run('nix-store', '--print-fixed-path', ...recursive), sha512.path);
  const drvPath = nix.instantiate('diamond');
  await store.writeDerivation(store.readDerivation(drvPath));
  assert.equal(nix.try('nix-store', '--verify', '--check-contents').status, 0);
  assertSameDatabase(store, nix);
});

test('a derivation we write is the one Nix writes, outputs and all', {
  ...needs,
  ...requires('program:nix-instantiate'),
}, async () => {
  const theirs = newNix('drv-theirs');
  const ours = newNix('drv-ours');
  for (const attribute of ['diamond', 'multiUser', 'fixedUser', 'passAsFile']) theirs.instantiate(attribute);
  await using source = await openTestStore(theirs.store);
  await using store = await openTestStore(ours.store);
  for (const path of source.topologicalSort(source.validPaths())) {
    if (path.endsWith('.drv')) {
      assert.equal(await store.writeDerivation(source.readDerivation(path)), path);
      continue;
    }
    const { references, contentAddress } = source.pathInfo(path);
    const real = source.realPath(path);
    if (contentAddress?.startsWith('text:'))
      assert.equal(
        await store.addText({ name: path.slice(44), contents: readFileSync(real), references }),
        path,
      );
    else assert.equal((await store.addPath({ name: path.slice(44), source: real, references })).path, path);
  }
  assert.equal(ours.try('nix-store', '--verify', '--check-contents').status, 0);
  assertSameDatabase(store, ours);
  assert.equal(ours.run('nix-store', '--dump-db'), theirs.run('nix-store', '--dump-db'));
  assertSameRows(source, store);
});

test('a store of Nix is a store to us', { ...needs, ...requires('program:nix-instantiate') }, async () => {
  const nix = newNix('theirs');
  nix.instantiate('multiUser');
  nix.run('nix-store', '--add', makeTree('their-tree'));
  for (const readOnly of [true, false]) {
    await using store = await openTestStore(nix.store, { readOnly });
    assertSameDatabase(store, nix);
  }
  await using store = await openTestStore(nix.store);
  const db = (root: string) => schemaOf(join(root, 'nix/var/nix/db/db.sqlite'));
  assert.equal(await db(nix.store), await db(newStoreOf(await openTestStore(join(directory, 'fresh')))));
  const added = await store.addText({ name: 'added', contents: 'x', references: [] });
  assert.equal(nix.run('nix-store', '--check-validity', added), '');
});

test('a collector of Nix spares temporary roots, result links and what is being made', needs, async () => {
  const nix = newNix('collected');
  await using store = await openTestStore(nix.store);
  await using maker = await openTestStore(nix.store);
  const add = (name: string) => maker.addText({ name, contents: name, references: [] });
  const [garbage, rooted, linked, user] = [
    await add('garbage'),
    await add('rooted'),
    await add('linked'),
    'user',
  ];
  const userPath = await maker.addText({ name: user, contents: linked, references: [linked] });
  maker.close();
  const worker = startScript('store-worker', 'root', nix.store, rooted);
  assert.equal(await worker.said(), 'rooted');
  const link = join(directory, 'collected-result');
  await store.makeResultLink({ link, path: userPath });
  assert.equal(
    lines(nix.run('nix-store', '--gc', '--print-roots')).find((line) => line.startsWith(link)),
    `${link} -> ${userPath}`,
  );
  const { directories } = store;
  const tempRoots = new TempRoots(directories.stateDir);
  const staging = await createStaging({ directories, tempRoots });
  writeFileSync(join(staging.directory, 'half'), '');

  nix.run('nix-store', '--gc');
  assert.ok(!store.isValid(garbage) && !existsSync(store.realPath(garbage)));
  for (const path of [rooted, linked, userPath])
    assert.ok(store.isValid(path) && existsSync(store.realPath(path)), path);
  assert.ok(existsSync(join(staging.directory, 'half')));

  // As when their owners are killed.
  tempRoots.close();
  worker.child.stdin.end();
  await worker.exit;
  rmSync(link);
  await using again = await openTestStore(nix.store);
  store.close();
  nix.run('nix-store', '--gc');
  assert.deepEqual(again.validPaths(), []);
  assert.deepEqual(readdirSync(directories.realStoreDir), ['.links']);
});

test('a root made while a collector of Nix is at work is respected', needs, async (t) => {
  const nix = newNix('racing');
  const maker = await openTestStore(nix.store);
  const texts = Array.from({ length: 1500 }, (_, i) => ({
    name: `t${i}`,
    contents: Buffer.from(`${i}`),
    references: [],
  }));
  const paths = (await maker.addTexts(texts)).map(({ path }) => path);
  maker.close();
  await using store = await openTestStore(nix.store);
  const collector = spawn('nix-store', ['--store', nix.store, '--option', 'substitute', 'false', '--gc'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const exit = once(collector, 'exit');
  await once(collector.stderr, 'data');
  const kept: string[] = [];
  let deleted = 0;
  for (const path of paths.toSorted(() => Math.random() - 0.5)) {
    if (collector.exitCode !== null) break;
    await store.addTempRoot(path);
    if (store.isValid(path)) kept.push(path);
    else deleted++;
  }
  collector.stderr.resume();
  assert.deepEqual(await exit, [0, null]);
  for (const path of kept) assert.ok(store.isValid(path) && existsSync(store.realPath(path)), path);
  t.diagnostic(`${kept.length} kept, ${deleted} found deleted, ${store.validPaths().length} left`);
  assert.ok(store.validPaths().length < paths.length || kept.length === paths.length);
  assert.equal(nix.try('nix-store', '--verify').status, 0);
});

test('Nix waits for a lock of ours', needs, async () => {
  const nix = newNix('locked');
  await using store = await openTestStore(nix.store);
  const source = join(directory, 'locked-source');
  writeFileSync(source, 'locked');
  await using scratch = await openTestStore(join(directory, 'scratch'));
  const { path } = await scratch.addPath({ name: 'locked-source', source });
  const locks = await store.lockPaths([path]);
  const adding = spawn('nix-store', [
    '--store',
    nix.store,
    '--option',
    'substitute',
    'false',
    '--add',
    source,
  ]);
  const exit = once(adding, 'exit');
  assert.equal(await Promise.race([exit, sleep(500, 'waits')]), 'waits');
  assert.ok(!store.isValid(path));
  locks.release({ delete: true });
  assert.deepEqual(await exit, [0, null]);
  assert.ok(store.isValid(path));
});

const builds = requires('program:nix-store', 'program:nix-instantiate', 'program:busybox', 'user-namespaces');

test('we wait for a build of Nix, then find its outputs and its log', builds, async () => {
  const nix = newNix('building');
  const expression = join(directory, 'slow.nix');
  writeFileSync(
    expression,
    `derivation { name = "slow"; system = builtins.currentSystem; builder = "/bin/busybox";
       args = [ "sh" "-c" "echo started; busybox sleep 1; echo done > $out" ]; }`,
  );
  const drvPath = nix.run('nix-instantiate', expression);
  await using store = await openTestStore(nix.store);
  const [out] = store.derivationOutputs(drvPath).values() as Iterable<string> as [string];
  const building = new Promise<string>((resolve) => {
    const child = startRealise(nix, drvPath);
    child.stderr.on('data', (chunk) => String(chunk).includes('started') && resolve('started'));
    child.on('exit', (status) => resolve(`exit ${status}`));
  });
  assert.equal(await building, 'started');
  let waited = 0;
  const locks = await store.lockPaths([out], { onWait: () => waited++ });
  assert.equal(waited, 1);
  assert.ok(store.isValid(out));
  locks.release({ delete: true });
  assert.equal(store.pathInfo(out).deriver, drvPath);
  assert.equal(store.pathInfo(out).ultimate, true);
  while ((await readLog(store, drvPath)) !== 'started\n') await sleep(50);
});

test('Nix reads our logs, short and long', { ...needs, ...requires('program:bzip2') }, async () => {
  const nix = newNix('logs');
  await using store = await openTestStore(nix.store);
  for (const text of ['short\n', 'a long line\n'.repeat(10_000)]) {
    const drvPath = '/nix/store/00000000000000000000000000000000-x.drv';
    const writer = await store.logs.create(drvPath);
    await writer.write(Buffer.from(text));
    await writer.close();
    assert.equal(nix.run('nix-store', '--read-log', drvPath), text.trimEnd());
    assert.equal(await readLog(store, drvPath), text);
  }
});

async function readLog(store: LocalStore, drvPath: string): Promise<string | undefined> {
  const log = await store.logs.read(drvPath);
  return log && (await buffer(log)).toString();
}

function startRealise(nix: RealNix, drvPath: string) {
  const options = { substitute: 'false', 'build-users-group': '', 'sandbox-paths': '/bin/busybox' };
  const args = Object.entries(options).flatMap(([name, value]) => ['--option', name, value]);
  return spawn('nix-store', ['--store', nix.store, ...args, '--realise', drvPath], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
}

function newStoreOf(store: LocalStore): string {
  store.close();
  return store.directories.root!;
}

/** `fixed:r:sha1:<base32>` without what `--print-fixed-path` is told otherwise. */
function readHash(contentAddress: string): string {
  return contentAddress.slice(contentAddress.lastIndexOf(':') + 1);
}

/** What `--dump-db` leaves out. */
function assertSameRows(a: LocalStore, b: LocalStore): void {
  for (const path of a.validPaths()) {
    const [one, two] = [a.pathInfo(path), b.pathInfo(path)];
    assert.deepEqual({ ...one, registrationTime: 0 }, { ...two, registrationTime: 0 });
  }
  assert.deepEqual(
    readdirSync(a.directories.realStoreDir).filter((name) => !name.endsWith('.lock')),
    readdirSync(b.directories.realStoreDir).filter((name) => !name.endsWith('.lock')),
  );
}
