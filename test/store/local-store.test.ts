import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { hashBytes } from '../../ts/formats/hash-bytes.js';
import { makeTextPath } from '../../ts/formats/make-store-path.js';
import { native } from '../../ts/native.js';
import { requires } from '../support/requires.js';
import { openTestStore, somePath, testDirectories } from '../support/stores.js';
import { temporaryDirectory } from '../support/temporary.js';

const directory = temporaryDirectory('local-store');
let counter = 0;
const newRoot = () => join(directory, `store-${counter++}`);

/** The paths Nix gives to `hello` named `greeting` (text, recursive, flat). */
const text = '/nix/store/5akl8zsmda0yrr63v4khwgskih2g2hsh-greeting';
const recursive = '/nix/store/73rbvcsk91mg1xh1js6b34cvf9nmcsjf-greeting';
const flat = '/nix/store/2h1yn5nd7i6k6rp856mgnnf9l2vsy0gk-greeting';

function makeTree(name: string): string {
  const tree = join(directory, name);
  mkdirSync(join(tree, 'bin'), { recursive: true });
  writeFileSync(join(tree, 'bin', 'tool'), '#!/bin/sh\n', { mode: 0o755 });
  writeFileSync(join(tree, 'data'), 'data');
  symlinkSync('data', join(tree, 'link'));
  return tree;
}

test('texts, files and trees get the paths Nix gives them, and canonical metadata', async () => {
  await using store = await openTestStore(newRoot());
  const source = join(directory, 'hello');
  writeFileSync(source, 'hello');
  assert.equal(await store.addText({ name: 'greeting', contents: 'hello', references: [] }), text);
  assert.equal((await store.addPath({ name: 'greeting', source })).path, recursive);
  assert.equal((await store.addPath({ name: 'greeting', source, method: 'flat' })).path, flat);
  const info = store.pathInfo(text);
  assert.equal(info.narHash.hex, '0a430879c266f8b57f4092a0f935cf3facd48bbccde5760d4748ca405171e969');
  assert.equal(info.narSize, 120);
  assert.equal(info.contentAddress, 'text:sha256:094qif9n4cq4fdg459qzbhg1c6wywawwaaivx0k0x8xhbyx4vwic');
  assert.ok(Math.abs(info.registrationTime - Date.now() / 1000) < 60);

  const tree = await store.addPath({ name: 'tree', source: makeTree('tree') });
  const real = store.realPath(tree.path);
  for (const [name, mode] of Object.entries({ '.': 0o555, bin: 0o555, 'bin/tool': 0o555, data: 0o444 })) {
    const stats = lstatSync(join(real, name));
    assert.equal(stats.mode & 0o7777, mode, name);
    assert.equal(stats.mtimeMs, 1000, name);
  }
  assert.equal(lstatSync(join(real, 'link')).mtimeMs, 1000);
  assert.deepEqual(leftovers(store.directories.realStoreDir), []);
});

test('other algorithms than sha256, recursive and flat', async () => {
  await using store = await openTestStore(newRoot());
  const source = join(directory, 'hello-sha1');
  writeFileSync(source, 'hello', { mode: 0o755 });
  const sha1 = await store.addPath({ name: 'greeting', source, method: 'flat', algorithm: 'sha1' });
  assert.match(sha1.contentAddress!, /^fixed:sha1:/);
  assert.equal(lstatSync(store.realPath(sha1.path)).mode & 0o777, 0o444);
  const sha512 = await store.addPath({ name: 'greeting', source, algorithm: 'sha512' });
  assert.match(sha512.contentAddress!, /^fixed:r:sha512:/);
  assert.equal(lstatSync(store.realPath(sha512.path)).mode & 0o777, 0o555);
  await assert.rejects(store.addPath({ name: 'x', source: makeTree('flat-tree'), method: 'flat' }), {
    code: 'ERR_UNSUPPORTED_FILE',
  });
});

test('a filter is asked about every file below the source, with absolute paths', async () => {
  await using store = await openTestStore(newRoot());
  const source = makeTree('filtered');
  const asked: string[] = [];
  const filter = (path: string, type: string) => {
    asked.push(`${type} ${path.slice(source.length)}`);
    return !path.endsWith('/bin');
  };
  const { path } = await store.addPath({ name: 'filtered', source, filter });
  assert.deepEqual(asked.sort(), ['directory /bin', 'regular /data', 'symlink /link']);
  assert.deepEqual(readdirSync(store.realPath(path)).sort(), ['data', 'link']);
  const whole = await store.addPath({ name: 'filtered', source });
  const all = await store.addPath({ name: 'filtered', source, filter: () => true });
  assert.equal(all.path, whole.path);
});

test('what cannot be a store path is refused and leaves nothing', async () => {
  await using store = await openTestStore(newRoot());
  const { realStoreDir } = store.directories;
  await assert.rejects(store.addPath({ name: 'x', source: '/dev/null' }), { code: 'ERR_UNSUPPORTED_FILE' });
  await assert.rejects(store.addPath({ name: 'x', source: '/dev/null', filter: () => true }), {
    code: 'ERR_UNSUPPORTED_FILE',
  });
  await assert.rejects(store.addPath({ name: 'x', source: join(directory, 'missing') }), {
    code: 'ERR_FILE',
  });
  await assert.rejects(store.addPath({ name: '../x', source: directory }), { code: 'ERR_NAME' });
  await assert.rejects(store.addText({ name: '.', contents: '', references: [] }), { code: 'ERR_NAME' });
  await assert.rejects(store.addText({ name: 'x.drv', contents: 'Derive(', references: [] }), {
    code: 'ERR_DERIVATION_SYNTAX',
  });
  await assert.rejects(store.addText({ name: 'x', contents: '', references: [somePath('a')] }), {
    code: 'ERR_PATH_INVALID',
  });
  assert.throws(() => store.realPath('/nix/store/../x'), { code: 'ERR_STORE_PATH' });
  assert.throws(() => store.pathInfo(somePath('a')), { code: 'ERR_PATH_INVALID' });
  assert.throws(() => store.readDerivation(somePath('a', 'a.drv')), { code: 'ERR_PATH_INVALID' });
  assert.deepEqual(store.validPaths(), []);
  // Only lock files stay, as they do in Nix when something fails.
  assert.deepEqual(
    readdirSync(realStoreDir).filter((name) => !/^\.links$|\.lock$/.test(name)),
    [],
  );
});

test('texts may refer to one another, in any order', async () => {
  await using store = await openTestStore(newRoot());
  const [first] = await store.addTexts([{ name: 'a', contents: Buffer.from('a'), references: [] }]);
  const one = { name: 'one', contents: Buffer.from('1'), references: [first!.path] };
  const onePath = makeTextPath('/nix/store', { ...one, hash: hashBytes('sha256', '1') });
  const two = { name: 'two', contents: Buffer.from('2'), references: [onePath] };
  const [{ path: twoPath } = { path: '' }] = await store.addTexts([two, one]);
  assert.deepEqual(store.closure([twoPath]), [first!.path, onePath, twoPath]);
});

test('a derivation goes in and comes out, with its outputs in the database', async () => {
  await using store = await openTestStore(newRoot());
  const contents =
    'Derive([("out","/nix/store/1qsc7svv43m4dw2prh6mvyf7cai5czji-advanced-attributes-defaults","","")],[],[],"my-system","/bin/bash",["-c","echo hello > $out"],[("builder","/bin/bash"),("name","advanced-attributes-defaults"),("out","/nix/store/1qsc7svv43m4dw2prh6mvyf7cai5czji-advanced-attributes-defaults"),("system","my-system")])';
  const drvPath = await store.addText({ name: 'advanced-attributes-defaults.drv', contents, references: [] });
  assert.equal(drvPath, '/nix/store/8az8bk2bffhg643sqykr3j8axhcnjb44-advanced-attributes-defaults.drv');
  const derivation = store.readDerivation(drvPath);
  assert.equal(derivation.builder, '/bin/bash');
  assert.equal(await store.writeDerivation(derivation), drvPath);
  const out = '/nix/store/1qsc7svv43m4dw2prh6mvyf7cai5czji-advanced-attributes-defaults';
  assert.deepEqual([...store.derivationOutputs(drvPath)], [['out', out]]);
  // Nobody can claim the path of something else, by way of a text or of an output.
  const forged = { name: 'x.drv', contents: contents.replaceAll('1qsc7', '1qsc8'), references: [] };
  await assert.rejects(store.addText(forged), { code: 'ERR_DERIVATION_INVALID' });
  const source = join(directory, 'forged.drv');
  writeFileSync(source, forged.contents);
  const narHash = { algorithm: 'sha256', hex: '0'.repeat(64) } as const;
  const output = { path: somePath('a', 'x.drv'), source, narHash, narSize: 1, references: [] };
  await assert.rejects(store.registerOutputs([output]), { code: 'ERR_DERIVATION_INVALID' });
  assert.deepEqual(store.validPaths(), [drvPath]);
  assert.deepEqual(store.validDerivers(out), [drvPath]);
});

test('outputs are moved and registered, all or none; what is valid stays', async () => {
  await using store = await openTestStore(newRoot());
  const output = async (digit: string, references: string[] = []) => {
    const source = join(directory, `output-${counter++}`);
    mkdirSync(source);
    writeFileSync(join(source, 'f'), digit);
    await native.canonicaliseTree(source);
    const { hash: sha256, narSize } = await native.hashTree(source, []);
    const narHash = { algorithm: 'sha256', hex: sha256 } as const;
    return { path: somePath(digit), source, narHash, narSize, references };
  };
  const [a, b] = [somePath('a'), somePath('b')];
  // An invalid leftover is in the way.
  mkdirSync(join(store.realPath(a), 'old'), { recursive: true });
  chmodSync(store.realPath(a), 0o555);
  const infos = await store.registerOutputs([await output('b', [a, b]), await output('a')]);
  assert.deepEqual(
    infos.map((info) => [info.path, info.references, info.ultimate]),
    [
      [b, [a, b], true],
      [a, [], true],
    ],
  );
  assert.deepEqual(readdirSync(store.realPath(a)), ['f']);

  const again = await output('a');
  writeFileSync(join(again.source, '..', 'marker'), '');
  await store.registerOutputs([again]);
  assert.ok(existsSync(again.source), 'the source of a valid output is left alone');

  const cyclic = [await output('c', [somePath('d')]), await output('d', [somePath('c')])];
  await assert.rejects(store.registerOutputs(cyclic), { code: 'ERR_OUTPUT_REJECTED' });
  const odd = await output('f');
  await assert.rejects(store.registerOutputs([{ ...odd, narSize: -1 }]), { code: 'ERR_OUTPUT_REJECTED' });
  await assert.rejects(store.registerOutputs([{ ...(await output('f')), signatures: ['a b:c'] }]), {
    code: 'ERR_SIGNATURE',
  });
  assert.ok(existsSync(odd.source), 'what cannot be registered is not lost');
  assert.deepEqual(store.validPaths().sort(), [a, b]);

  // The caller holds the lock.
  const locks = await store.lockPaths([somePath('g')]);
  const [info] = await store.registerOutputs([await output('g')]);
  locks.release({ delete: true });
  assert.equal(info!.path, somePath('g'));
  assert.ok(!existsSync(`${store.realPath(info!.path)}.lock`));
});

test('a path goes from store to store as a NAR, unless it is not what was promised', async () => {
  await using from = await openTestStore(newRoot());
  await using to = await openTestStore(newRoot());
  const [needed] = await from.addTexts([{ name: 'needed', contents: Buffer.from('x'), references: [] }]);
  const info = await from.addPath({ name: 'tree', source: makeTree('nar'), references: [needed!.path] });
  const file = join(directory, 'tree.nar');
  const dump = async (path: string) => {
    const fd = openSync(file, 'w');
    await native.dumpTree(from.realPath(path), fd);
    closeSync(fd);
    return readFileSync(file);
  };
  const nar = await dump(info.path);
  const chunks = async function* (bytes: Uint8Array) {
    for (let at = 0; at < bytes.length; at += 100) yield bytes.subarray(at, at + 100);
  };
  const add = (bytes: Uint8Array, rest: object = {}) =>
    to.addNar({ info: { ...info, ...rest }, source: chunks(bytes) });
  const longer = Buffer.concat([nar, Buffer.alloc(8)]);
  const changed = Buffer.from(nar);
  changed[nar.lastIndexOf('data') + 1] = 0x41;

  await assert.rejects(add(nar), { code: 'ERR_PATH_INVALID' });
  await to.addNar({ info: needed!, source: chunks(await dump(needed!.path)) });
  await assert.rejects(add(longer), { code: 'ERR_NAR', message: /longer/ });
  await assert.rejects(add(longer, { narSize: longer.length }), { code: 'ERR_NAR' });
  await assert.rejects(add(nar.subarray(0, -8)), { code: 'ERR_NAR', message: /bytes, not the/ });
  await assert.rejects(add(changed), { code: 'ERR_NAR', message: /hash/ });
  await assert.rejects(add(nar, { path: somePath('a'), deriver: '/nix/store/x' }), {
    code: 'ERR_STORE_PATH',
  });
  assert.deepEqual(to.validPaths(), [needed!.path]);
  assert.deepEqual(
    leftovers(to.directories.realStoreDir).filter((name) => !name.endsWith('.lock')),
    [],
  );

  const added = await add(nar);
  assert.deepEqual({ ...added, registrationTime: 0 }, { ...info, registrationTime: 0 });
  const { hash } = await native.hashTree(to.realPath(info.path), []);
  assert.equal(hash, info.narHash.hex);
  // Valid already: nothing is read.
  await to.addNar({
    info,
    source: (async function* () {
      yield* [];
      assert.fail('the source was read');
    })(),
  });
});

test('adding the same thing many times at once is one addition', async () => {
  await using store = await openTestStore(newRoot());
  await using other = await openTestStore(store.directories.root!);
  const source = makeTree('same');
  const added = await Promise.all(
    Array.from({ length: 20 }, (_, i) => (i % 2 ? store : other).addPath({ name: 'same', source })),
  );
  assert.equal(new Set(added.map(({ path }) => path)).size, 1);
  assert.equal(store.validPaths().length, 1);
  assert.deepEqual(leftovers(store.directories.realStoreDir), []);
});

test('a result link is made, replaced, and registered; nothing else is overwritten', async () => {
  await using store = await openTestStore(newRoot());
  const add = (name: string) => store.addText({ name, contents: name, references: [] });
  const [a, b] = [await add('a'), await add('b')];
  const link = join(directory, 'links', 'result');
  await store.makeResultLink({ link, path: a });
  await store.makeResultLink({ link, path: b });
  assert.equal(readlinkSync(link), b);
  const auto = join(store.directories.stateDir, 'gcroots/auto');
  assert.deepEqual(
    readdirSync(auto).map((name) => readlinkSync(join(auto, name))),
    [link],
  );
  assert.match(readdirSync(auto)[0]!, /^[0-9a-z]{32}$/);
  assert.deepEqual(readdirSync(join(directory, 'links')), ['result']);
  writeFileSync(join(directory, 'links', 'file'), '');
  symlinkSync('/etc', join(directory, 'links', 'elsewhere'));
  for (const name of ['file', 'elsewhere'])
    await assert.rejects(store.makeResultLink({ link: join(directory, 'links', name), path: a }), {
      code: 'ERR_FILE',
    });
  await assert.rejects(store.makeResultLink({ link: `${store.directories.realStoreDir}/r`, path: a }), {
    code: 'ERR_FILE',
  });
});

test('a store opened for reading changes nothing, even where it could', async () => {
  const root = newRoot();
  await using store = await openTestStore(root);
  const path = await store.addText({ name: 'a', contents: 'a', references: [] });
  await using reader = await openTestStore(root, { readOnly: true });
  assert.equal(reader.pathInfo(path).narSize, 120);
  await assert.rejects(reader.addText({ name: 'b', contents: 'b', references: [] }), {
    code: 'ERR_STORE_READ_ONLY',
  });
  await assert.rejects(reader.lockPaths([path]), { code: 'ERR_STORE_READ_ONLY' });
  await reader.addTempRoot(path);
  // What is written meanwhile is seen.
  const later = await store.addText({ name: 'later', contents: '', references: [] });
  assert.ok(reader.isValid(later));
  await assert.rejects(openTestStore(newRoot(), { readOnly: true }), { code: 'ERR_STORE_OPEN' });
});

test('a store of another schema is left as it is', async () => {
  for (const [schema, words] of Object.entries({
    11: /newer/,
    9: /older/,
    'x\u001b[2J': /\\x1b/,
    10000: /newer/,
  })) {
    const root = newRoot();
    const { stateDir, realStoreDir } = testDirectories(root);
    mkdirSync(join(stateDir, 'db'), { recursive: true });
    writeFileSync(join(stateDir, 'db/schema'), schema);
    await assert.rejects(openTestStore(root), { code: 'ERR_STORE_SCHEMA', message: words });
    assert.ok(!existsSync(realStoreDir));
  }
});

test('a symlinked store directory is refused, unless the user insists', async () => {
  const root = newRoot();
  mkdirSync(join(root, 'elsewhere'), { recursive: true });
  symlinkSync('elsewhere', join(root, 'nix'));
  await assert.rejects(openTestStore(root), { code: 'ERR_STORE_OPEN', message: /symlink/ });
  await using store = await openTestStore(root, { env: { NIX_IGNORE_SYMLINK_STORE: '1' } });
  assert.ok(store);
  // Above the root of a chroot store, symlinks are the user's own business.
  symlinkSync(directory, join(directory, 'alias'));
  await using below = await openTestStore(join(directory, 'alias', 'below'));
  assert.ok(below);
});

test('on a file system shared by hosts there is no WAL; where locks mean nothing, no store', async () => {
  const warnings: string[] = [];
  const root = newRoot();
  await using store = await openTestStore(root, {
    fileSystemType: () => 'nfs4',
    onWarning: (message) => warnings.push(message),
  });
  await store.addText({ name: 'a', contents: 'a', references: [] });
  assert.equal(warnings.length, 1);
  assert.match(warnings[0]!, /^nfs4 is shared by several hosts/);
  assert.ok(!existsSync(join(store.directories.stateDir, 'db/db.sqlite-wal')));
  await assert.rejects(openTestStore(newRoot(), { fileSystemType: () => 'cifs' }), {
    code: 'ERR_STORE_FILESYSTEM',
    message: /cifs/,
  });
});

test('a store that may not be written says so', requires('linux'), async () => {
  if (process.getuid?.() === 0) return;
  const root = newRoot();
  (await openTestStore(root)).close();
  const { realStoreDir, stateDir } = testDirectories(root);
  chmodSync(realStoreDir, 0o555);
  await assert.rejects(openTestStore(root), { code: 'ERR_STORE_OPEN', message: /no permission/ });
  for (const name of readdirSync(join(stateDir, 'db')))
    if (name.startsWith('db.sqlite')) chmodSync(join(stateDir, 'db', name), 0o444);
  chmodSync(join(stateDir, 'db'), 0o555);
  await using reader = await openTestStore(root, { readOnly: true });
  assert.deepEqual(reader.validPaths(), []);
  chmodSync(join(stateDir, 'db'), 0o755);
});

test('reading a store whose database is write-protected keeps nobody from writing later', async () => {
  const root = newRoot();
  const { stateDir } = testDirectories(root);
  const file = join(stateDir, 'db/db.sqlite');
  // SQLite lets go of its files when the process ends.
  const script = `
    const { openTestStore } = await import(${JSON.stringify(new URL('../support/stores.js', import.meta.url).href)});
    const store = await openTestStore(process.argv[1], { readOnly: process.argv[2] === 'read' });
    console.log(store.validPaths().length);`;
  const open = (how: 'read' | 'write') =>
    execFileSync(process.execPath, ['--input-type=module', '-e', script, root, how], { encoding: 'utf8' });
  const around = () => readdirSync(join(stateDir, 'db')).filter((name) => name.startsWith('db.sqlite-'));
  open('write');
  assert.deepEqual(around(), []);
  chmodSync(file, 0o444);
  assert.equal(open('read'), '0\n');
  if (process.getuid?.() !== 0) assert.deepEqual(around(), []);
  chmodSync(file, 0o644);
  // What an earlier reader has left, or another program.
  writeFileSync(`${file}-shm`, '', { mode: 0o444 });
  await using store = await openTestStore(root);
  const path = await store.addText({ name: 'a', contents: 'a', references: [] });
  assert.ok(store.isValid(path));
});

test('a store where no directory can be made says so', requires('linux'), async () => {
  await assert.rejects(openTestStore('/proc/no-store-here'), {
    code: 'ERR_STORE_OPEN',
    message: /ENOENT|permission/,
  });
});

test('layout and modes do not depend on the umask', async () => {
  const before = process.umask(0o077);
  const root = newRoot();
  try {
    (await openTestStore(root)).close();
  } finally {
    process.umask(before);
  }
  const { realStoreDir, stateDir } = testDirectories(root);
  for (const path of [realStoreDir, join(root, 'nix/var'), join(stateDir, 'db'), join(stateDir, 'temproots')])
    assert.equal(lstatSync(path).mode & 0o7777, 0o755, path);
  assert.equal(readFileSync(join(stateDir, 'db/schema'), 'utf8'), '10');
  assert.equal(lstatSync(join(stateDir, 'db/big-lock')).mode & 0o777, 0o600);
  assert.equal(lstatSync(join(stateDir, 'db/reserved')).size, 8 * 1024 * 1024);
});

test('the hash of what is in the store is the one in the database', async () => {
  await using store = await openTestStore(newRoot());
  const { path, narHash, narSize } = await store.addPath({ name: 'tree', source: makeTree('hashed') });
  const { hash: sha256, narSize: size } = await native.hashTree(store.realPath(path), []);
  assert.deepEqual({ hex: sha256, size }, { hex: narHash.hex, size: narSize });
  assert.equal(hashBytes('sha256', 'x').algorithm, narHash.algorithm);
  rmSync(join(directory, 'hashed'), { recursive: true });
});

/** What lies in a store directory beside valid-looking paths. */
function leftovers(realStoreDir: string): string[] {
  return readdirSync(realStoreDir).filter((name) => !/^[0-9a-z]{32}-[^.]+$/.test(name) && name !== '.links');
}
