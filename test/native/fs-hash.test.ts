import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { readNar } from '../../ts/formats/nar/read.js';
import { native } from '../../ts/native.js';
import { naiveNar } from '../support/naive-nar.js';
import { makeOddTree } from '../support/odd-tree.js';
import { requires } from '../support/requires.js';
import { temporaryDirectory } from '../support/temporary.js';

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

async function dump(path: string, file: string): Promise<Buffer> {
  const fd = openSync(file, 'w');
  try {
    const length = await native.dumpTree(path, fd);
    const bytes = readFileSync(file);
    assert.equal(length, bytes.length);
    return bytes;
  } finally {
    closeSync(fd);
  }
}

test('an odd tree is hashed and dumped as its NAR', async () => {
  const directory = temporaryDirectory('fs-hash');
  const tree = makeOddTree(join(directory, 'tree'));
  const expected = naiveNar(tree);
  assert.ok(expected.equals(await dump(tree, join(directory, 'nar'))));
  const hash = await native.hashTree(tree, []);
  assert.deepEqual(hash, { hash: sha256(expected), narSize: expected.length, references: [] });
});

test('roots of every type, and path forms', async () => {
  const directory = temporaryDirectory('fs-hash');
  mkdirSync(join(directory, 'empty'));
  writeFileSync(join(directory, 'file'), 'hello');
  writeFileSync(join(directory, 'program'), 'hello', { mode: 0o755 });
  symlinkSync('empty', join(directory, 'link'));
  for (const name of ['empty', 'file', 'program', 'link']) {
    const path = join(directory, name);
    const expected = sha256(naiveNar(path));
    for (const form of [path, `${path}/`, `${path}///`, Buffer.from(path), `${directory}//${name}`]) {
      assert.equal((await native.hashTree(form, [])).hash, expected, String(form));
    }
  }
  assert.equal((await native.hashTree(join(directory, 'file'), [])).narSize, 120);
  for (const path of ['/', '.', '..', `${directory}/.`, `${directory}/empty/..`]) {
    await assert.rejects(native.hashTree(path, []), { code: 'EINVAL', path });
  }
});

test(
  'equal to nix-store --dump and nix-hash',
  requires('program:nix-store', 'program:nix-hash'),
  async () => {
    const directory = temporaryDirectory('fs-hash');
    const tree = makeOddTree(join(directory, 'tree'));
    const theirs = execFileSync('nix-store', ['--dump', tree], { maxBuffer: 2 ** 30 });
    assert.ok(theirs.equals(await dump(tree, join(directory, 'nar'))));
    const hash = execFileSync('nix-hash', ['--type', 'sha256', tree], { encoding: 'utf8' }).trim();
    assert.equal((await native.hashTree(tree, [])).hash, hash);
    const restored = join(directory, 'restored');
    execFileSync('nix-store', ['--restore', restored], { input: readFileSync(join(directory, 'nar')) });
    assert.equal((await native.hashTree(restored, [])).hash, hash);
  },
);

test('a directory of 5,000 entries', async () => {
  const directory = join(temporaryDirectory('fs-hash'), 'tree');
  mkdirSync(directory);
  for (let i = 0; i < 5000; i++) writeFileSync(join(directory, `${randomBytes(4).toString('hex')}-${i}`), '');
  assert.equal((await native.hashTree(directory, [])).hash, sha256(naiveNar(directory)));
});

test('64 files inside one another are hashed, 65 refused', async () => {
  const directory = temporaryDirectory('fs-hash');
  const deep = (nodes: number) => {
    const tree = join(directory, `deep-${nodes}`);
    const inner = join(tree, ...Array<string>(nodes - 2).fill('d'));
    mkdirSync(inner, { recursive: true });
    writeFileSync(join(inner, 'leaf'), '');
    return { tree, leaf: join(inner, 'leaf') };
  };
  const { tree } = deep(64);
  assert.equal((await native.hashTree(tree, [])).hash, sha256(naiveNar(tree)));
  for await (const event of readNar([naiveNar(tree)])) assert.ok(event.kind);
  const tooDeep = deep(65);
  await assert.rejects(native.hashTree(tooDeep.tree, []), { code: 'ENAMETOOLONG', path: tooDeep.leaf });
});

test(
  'FIFOs and sockets are EFTYPE and never opened',
  requires('program:strace', 'program:mkfifo'),
  async (t) => {
    const directory = temporaryDirectory('fs-hash');
    const trees = [join(directory, 'fifo'), join(directory, 'socket')] as const;
    for (const tree of trees) mkdirSync(tree);
    execFileSync('mkfifo', [join(trees[0], 'special')]);
    const server = createServer().listen(join(trees[1], 'special'));
    await new Promise((resolve) => server.once('listening', resolve));
    t.after(() => server.close());
    for (const tree of [...trees, join(trees[0], 'special')]) {
      const path = tree.endsWith('special') ? tree : join(tree, 'special');
      await assert.rejects(native.hashTree(tree, []), { code: 'EFTYPE', path });
      await assert.rejects(native.canonicaliseTree(tree), { code: 'EFTYPE', path });
      await assert.rejects(native.copyTree(tree, join(directory, 'copy')), { code: 'EFTYPE', path });
    }
    const script = `
    const { native } = await import(${JSON.stringify(new URL('../../ts/native.js', import.meta.url).href)});
    for (const f of ['hashTree', 'canonicaliseTree', 'copyTree'])
      await native[f](${JSON.stringify(trees[0])}, f === 'copyTree' ? ${JSON.stringify(join(directory, 'copy'))} : []).catch(() => {});
    await native.removeTree(${JSON.stringify(trees[0])});`;
    const traced = join(directory, 'strace');
    const filter = ['-f', '-o', traced, '-e', 'trace=open,openat,openat2,unlinkat'];
    execFileSync('strace', [...filter, process.execPath, '--input-type=module', '-e', script]);
    const calls = readFileSync(traced, 'utf8')
      .split('\n')
      .filter((line) => line.includes('"special"'));
    assert.equal(calls.length, 1, calls.join('\n'));
    assert.match(calls[0]!, /unlinkat\(\d+, "special", 0\)/);
  },
);

test('as root: devices are EFTYPE', requires('root', 'program:mknod'), async () => {
  const directory = temporaryDirectory('fs-hash');
  execFileSync('mknod', [join(directory, 'null'), 'c', '1', '3']);
  await assert.rejects(native.hashTree(directory, []), { code: 'EFTYPE' });
});

test('errors are those of Node’s own functions, with bytes in paths kept', async () => {
  const directory = temporaryDirectory('fs-hash');
  const name = Buffer.concat([Buffer.from(`${directory}/`), Buffer.from([0xff])]);
  await assert.rejects(native.hashTree(name, []), {
    code: 'ENOENT',
    errno: -2,
    syscall: 'lstat',
    path: `${directory}/\udcff`,
    message: `ENOENT: no such file or directory, lstat '${directory}/\udcff'`,
  });
  writeFileSync(name, 'x');
  assert.equal((await native.hashTree(`${directory}/\udcff`, [])).narSize, 120);
  await assert.rejects(native.hashTree(`${directory}/no/such`, []), { code: 'ENOENT' });
  for (const wrong of ['', 'a\0b', '\ud800', 7, undefined, new Uint16Array(2)]) {
    assert.throws(() => native.hashTree(wrong as string, []), {
      name: 'TypeError',
      code: 'ERR_INVALID_ARG_VALUE',
    });
  }
});

test('unreadable files are EACCES for an ordinary user', async (t) => {
  if (process.getuid?.() === 0) return t.skip('root reads everything');
  const directory = temporaryDirectory('fs-hash');
  writeFileSync(join(directory, 'secret'), 'x', { mode: 0 });
  await assert.rejects(native.hashTree(directory, []), { code: 'EACCES', path: join(directory, 'secret') });
});

test('what cannot be counted is refused before it is read', (t) => {
  // Only some file systems have files so long.
  if (!existsSync('/dev/shm')) return t.skip('no /dev/shm');
  const directory = mkdtempSync('/dev/shm/airplant-test-');
  t.after(() => native.removeTree(directory));
  const file = join(directory, 'sparse');
  writeFileSync(file, '');
  truncateSync(file, 2 ** 53 - 1);
  return assert.rejects(native.hashTree(file, []), { code: 'EFBIG', path: file });
});

test('a size limit is met before the data is read', async () => {
  const file = join(temporaryDirectory('fs-hash'), 'file');
  writeFileSync(file, 'x'.repeat(1000));
  const { narSize } = await native.hashTree(file, []);
  assert.equal((await native.hashTree(file, [], { maxNarSize: narSize })).narSize, narSize);
  for (const maxNarSize of [narSize - 1, 1000, 0]) {
    await assert.rejects(native.hashTree(file, [], { maxNarSize }), { code: 'EFBIG', path: file });
  }
  // 8 TiB without a block on the disk: to read them would take an hour.
  truncateSync(file, 2 ** 43);
  await assert.rejects(native.hashTree(file, [], { maxNarSize: 2 ** 40 }), { code: 'EFBIG' });
  for (const maxNarSize of [-1, Number.NaN, '1' as unknown as number]) {
    assert.throws(() => native.hashTree(file, [], { maxNarSize }), TypeError);
  }
});

test('other algorithms, for fixed outputs', async () => {
  const tree = makeOddTree(join(temporaryDirectory('fs-hash'), 'tree'));
  const nar = naiveNar(tree);
  for (const algorithm of ['md5', 'sha1', 'sha256', 'sha512'] as const) {
    const { hash } = await native.hashTree(tree, [], { algorithm });
    assert.equal(hash, createHash(algorithm).update(nar).digest('hex'));
  }
  assert.throws(
    () => native.hashTree(tree, [], { algorithm: 'sha3' as 'sha1' }),
    /algorithm must be 'md5' or 'sha1'/,
  );
});
