import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { native } from '../../ts/native.js';
import { naiveNar } from '../support/naive-nar.js';
import { makeOddTree } from '../support/odd-tree.js';
import { requires } from '../support/requires.js';
import { temporaryDirectory } from '../support/temporary.js';

const alphabet = '0123456789abcdfghijklmnpqrsvwxyz';

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

test('an odd tree is hashed and dumped as its NAR', async (t) => {
  const directory = temporaryDirectory(t);
  const tree = makeOddTree(join(directory, 'tree'));
  const expected = naiveNar(tree);
  assert.ok(expected.equals(await dump(tree, join(directory, 'nar'))));
  const hash = await native.hashTree(tree, []);
  assert.deepEqual(hash, { sha256: sha256(expected), narSize: expected.length, references: [] });
});

test('roots of every type, and path forms', async (t) => {
  const directory = temporaryDirectory(t);
  mkdirSync(join(directory, 'empty'));
  writeFileSync(join(directory, 'file'), 'hello');
  writeFileSync(join(directory, 'program'), 'hello', { mode: 0o755 });
  symlinkSync('empty', join(directory, 'link'));
  for (const name of ['empty', 'file', 'program', 'link']) {
    const path = join(directory, name);
    const expected = sha256(naiveNar(path));
    for (const form of [path, `${path}/`, `${path}///`, Buffer.from(path), `${directory}//${name}`]) {
      assert.equal((await native.hashTree(form, [])).sha256, expected, String(form));
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
  async (t) => {
    const directory = temporaryDirectory(t);
    const tree = makeOddTree(join(directory, 'tree'));
    const theirs = execFileSync('nix-store', ['--dump', tree], { maxBuffer: 2 ** 30 });
    assert.ok(theirs.equals(await dump(tree, join(directory, 'nar'))));
    const hash = execFileSync('nix-hash', ['--type', 'sha256', tree], { encoding: 'utf8' }).trim();
    assert.equal((await native.hashTree(tree, [])).sha256, hash);
    const restored = join(directory, 'restored');
    execFileSync('nix-store', ['--restore', restored], { input: readFileSync(join(directory, 'nar')) });
    assert.equal((await native.hashTree(restored, [])).sha256, hash);
  },
);

test('a directory of 5,000 entries', async (t) => {
  const directory = join(temporaryDirectory(t), 'tree');
  mkdirSync(directory);
  for (let i = 0; i < 5000; i++) writeFileSync(join(directory, `${randomBytes(4).toString('hex')}-${i}`), '');
  assert.equal((await native.hashTree(directory, [])).sha256, sha256(naiveNar(directory)));
});

test('64 levels are hashed, 65 are refused', async (t) => {
  const directory = temporaryDirectory(t);
  const deep = (levels: number) => {
    const tree = join(directory, `deep-${levels}`);
    mkdirSync(join(tree, ...Array<string>(levels - 1).fill('d')), { recursive: true });
    writeFileSync(join(tree, ...Array<string>(levels - 1).fill('d'), 'leaf'), '');
    return tree;
  };
  const tree = deep(64);
  assert.equal((await native.hashTree(tree, [])).sha256, sha256(naiveNar(tree)));
  await assert.rejects(native.hashTree(deep(65), []), {
    code: 'ENAMETOOLONG',
    path: join(directory, 'deep-65', ...Array<string>(64).fill('d'), 'leaf'),
  });
});

test(
  'FIFOs and sockets are EFTYPE and never opened',
  requires('program:strace', 'program:mkfifo'),
  async (t) => {
    const directory = temporaryDirectory(t);
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

test('devices are EFTYPE', requires('root', 'program:mknod'), async (t) => {
  const directory = temporaryDirectory(t);
  execFileSync('mknod', [join(directory, 'null'), 'c', '1', '3']);
  await assert.rejects(native.hashTree(directory, []), { code: 'EFTYPE' });
});

test('errors are those of Node’s own functions, with bytes in paths kept', async (t) => {
  const directory = temporaryDirectory(t);
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
  const directory = temporaryDirectory(t);
  writeFileSync(join(directory, 'secret'), 'x', { mode: 0 });
  await assert.rejects(native.hashTree(directory, []), { code: 'EACCES', path: join(directory, 'secret') });
});

test('the size limit is met before the data is read', async (t) => {
  const directory = temporaryDirectory(t);
  const file = join(directory, 'file');
  writeFileSync(file, 'x'.repeat(1000));
  const { narSize } = await native.hashTree(file, []);
  assert.equal((await native.hashTree(file, [], narSize)).narSize, narSize);
  await assert.rejects(native.hashTree(file, [], narSize - 1), { code: 'EFBIG', path: file });
  await assert.rejects(native.hashTree(file, [], 0), { code: 'EFBIG' });
  truncateSync(file, 2 ** 43);
  const start = performance.now();
  await assert.rejects(native.hashTree(file, [], 2 ** 40), { code: 'EFBIG' });
  assert.ok(performance.now() - start < 5000, '8 TiB were not read');
});

test('references are found wherever they lie, also across the borders of blocks', async (t) => {
  const directory = temporaryDirectory(t);
  const file = join(directory, 'file');
  const block = 256 * 1024;
  const hashPart = fc.string({ unit: fc.constantFrom(...alphabet), minLength: 32, maxLength: 32 });
  const placement = fc.record({
    border: fc.integer({ min: 0, max: 5 }),
    offset: fc.integer({ min: -200, max: 200 }),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(hashPart, { minLength: 1, maxLength: 5 }),
      fc.array(placement, { maxLength: 8 }),
      fc.constantFrom('\0', ' ', 'e', '0', 'z'),
      async (parts, placements, filler) => {
        const bytes = Buffer.alloc(5 * block + 1000, filler);
        placements.forEach(({ border, offset }, i) => {
          bytes.write(parts[i % parts.length]!, Math.max(0, border * block + offset), 'latin1');
        });
        writeFileSync(file, bytes);
        const { references } = await native.hashTree(file, parts);
        assert.deepEqual(
          references,
          parts.filter((part) => bytes.includes(part)),
        );
      },
    ),
    { numRuns: 60 },
  );
});

test('references in every place of a small alphabet, against a naive search', async (t) => {
  const file = join(temporaryDirectory(t), 'file');
  const text = fc.string({ unit: fc.constantFrom('0', 'z', 'e'), minLength: 0, maxLength: 300 });
  await fc.assert(
    fc.asyncProperty(text, fc.array(fc.nat(), { maxLength: 6 }), async (content, places) => {
      const windows = places.map((at) => content.slice(at % 300, (at % 300) + 32));
      const candidates = [...new Set([...windows, '0'.repeat(32)])].filter((w) => /^[0z]{32}$/.test(w));
      writeFileSync(file, content);
      const { references } = await native.hashTree(file, candidates);
      assert.deepEqual(
        references,
        candidates.filter((candidate) => content.includes(candidate)),
      );
    }),
    { numRuns: 200 },
  );
});

test('references in names and targets count, near misses do not', async (t) => {
  const directory = temporaryDirectory(t);
  const [inName, inTarget, split, upper] = ['a', 'b', 'c', 'd'].map((c) => c.repeat(32));
  writeFileSync(join(directory, `${inName}-name`), '');
  symlinkSync(`/nix/store/${inTarget}-x`, join(directory, 'link'));
  writeFileSync(join(directory, 'split'), `${split!.slice(16)}\n${split!.slice(16)}`);
  writeFileSync(join(directory, 'upper'), upper!.toUpperCase());
  const candidates = [upper!, inTarget!, split!, inName!, inTarget!];
  const { references } = await native.hashTree(directory, candidates);
  assert.deepEqual(references, [inTarget, inName]);
  for (const wrong of ['', 'a'.repeat(31), 'e'.repeat(32), 'A'.repeat(32), `${'a'.repeat(32)}-x`]) {
    assert.throws(() => native.hashTree(directory, [wrong]), TypeError);
  }
});

test(
  'a dump goes through a pipe to a slow reader, and a reader that leaves is EPIPE',
  requires('program:sha256sum'),
  async (t) => {
    const directory = temporaryDirectory(t);
    const file = join(directory, 'file');
    writeFileSync(file, randomBytes(3_000_000));
    const reader = spawn('sh', ['-c', 'sleep 0.3; exec sha256sum'], { stdio: ['pipe', 'pipe', 'inherit'] });
    let printed = '';
    reader.stdout.on('data', (chunk) => (printed += chunk));
    const closed = new Promise((resolve) => reader.on('close', resolve));
    const { fd } = (reader.stdin as unknown as { _handle: { fd: number } })._handle;
    assert.equal(await native.dumpTree(file, fd), 3_000_000 + 112);
    reader.stdin.end();
    await closed;
    assert.equal(printed.slice(0, 64), sha256(naiveNar(file)));

    const leaver = spawn('sh', ['-c', 'exec true'], { stdio: ['pipe', 'ignore', 'inherit'] });
    const broken = (leaver.stdin as unknown as { _handle: { fd: number } })._handle.fd;
    leaver.stdin.on('error', () => {});
    await assert.rejects(native.dumpTree(file, broken), { code: 'EPIPE', syscall: 'write' });
    leaver.stdin.destroy();
    await assert.rejects(native.dumpTree(file, 99_999), { code: 'EBADF' });
  },
);

test('a tree that cannot be read to its end stops the dump with the error', async (t) => {
  const directory = temporaryDirectory(t);
  writeFileSync(join(directory, 'a'), randomBytes(2_000_000));
  execFileSync('mkfifo', [join(directory, 'b')]);
  const fd = openSync('/dev/null', 'w');
  t.after(() => closeSync(fd));
  await assert.rejects(native.dumpTree(directory, fd), { code: 'EFTYPE', path: join(directory, 'b') });
  chmodSync(directory, 0o700);
});
