import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { openStore } from '../../ts/index.js';
import { native } from '../../ts/native.js';
import { CommandLine } from '../support/command-line.js';
import { RealNix } from '../support/nix.js';
import { longForm, requires } from '../support/requires.js';
import { openTestStore } from '../support/stores.js';
import { temporaryDirectory } from '../support/temporary.js';

// Two copies of one store, one optimised by each: the same links, and not a bit of difference otherwise.
const needs = requires('program:nix-store');
const directory = temporaryDirectory('peer-optimise');

/** Trees with much in common. */
function makeTree(name: string, own: string): string {
  const tree = join(directory, name);
  mkdirSync(join(tree, 'a/b'), { recursive: true });
  mkdirSync(join(tree, 'empty'));
  writeFileSync(join(tree, 'common'), 'common\n');
  writeFileSync(join(tree, 'a/also-common'), 'common\n');
  writeFileSync(join(tree, 'a/b/run'), 'common\n', { mode: 0o755 });
  writeFileSync(join(tree, 'a/own'), own);
  writeFileSync(join(tree, 'a/nothing'), '');
  writeFileSync(join(tree, 'large'), Buffer.alloc(3_000_001, 'large'));
  writeFileSync(join(tree, `odd`), 'x');
  symlinkSync('../common', join(tree, 'a/link'));
  symlinkSync('../common', join(tree, 'a/b/link'));
  writeFileSync(Buffer.concat([Buffer.from(`${tree}/`), Buffer.from([0x61, 0xff, 0x0a])]), 'odd name');
  return tree;
}

/** A store with some trees, and its copy, with `harm` done to both. */
async function twoStores(name: string, harm: (root: string) => void = () => {}) {
  const theirs = new RealNix(directory, join(directory, `${name}-theirs`));
  const paths = ['one', 'two', 'three'].map((own) =>
    theirs.run('nix-store', '--add', makeTree(`${name}-${own}`, own)),
  );
  writeFileSync(join(directory, 'file'), 'common\n');
  theirs.run('nix-store', '--add', join(directory, 'file'));
  const ours = new RealNix(directory, join(directory, `${name}-ours`));
  execFileSync('cp', ['-a', theirs.store, ours.store]);
  for (const { store } of [theirs, ours]) harm(store);
  return { theirs, ours, paths };
}

const storeOf = ({ store }: RealNix) => join(store, 'nix/store');
const linksOf = (nix: RealNix) => readdirSync(join(storeOf(nix), '.links')).sort();

/** Everything that can be seen of a store directory, with which names are one file. */
function look(nix: RealNix): string[] {
  const root = storeOf(nix);
  const files = new Map<number, string>();
  return namesBelow(root).map((name) => {
    const { ino, mode, mtimeMs, size, nlink } = lstatSync(pathOf(root, name));
    const isDirectory = (mode & 0o170000) === 0o040000;
    const target = (mode & 0o170000) === 0o120000 ? readlinkSync(pathOf(root, name)) : '';
    if (!files.has(ino)) files.set(ino, name);
    // Of `.links` itself neither program sets the time.
    const time = name === '.links' ? '' : mtimeMs;
    const facts = isDirectory ? [mode.toString(8), time] : [mode.toString(8), time, size, nlink, target];
    return `${name} ${facts.join(' ')} is ${isDirectory ? '' : files.get(ino)}`;
  });
}

/** In the order of bytes, each byte a character. */
function namesBelow(root: string, below = ''): string[] {
  const names = readdirSync(pathOf(root, below), { encoding: 'buffer' }).map((name) =>
    name.toString('latin1'),
  );
  return names.sort().flatMap((name) => {
    const path = below === '' ? name : `${below}/${name}`;
    return lstatSync(pathOf(root, path)).isDirectory() ? [path, ...namesBelow(root, path)] : [path];
  });
}

function pathOf(root: string, name: string): Buffer {
  return Buffer.concat([Buffer.from(`${root}/`), Buffer.from(name, 'latin1')]);
}

async function optimise(nix: RealNix, ...flags: string[]) {
  // Of its own: some run at once.
  const line = new CommandLine(mkdtempSync(join(directory, 'line-')));
  const found = await line.run(['optimise', '--json', '--progress', 'plain', '--store', nix.store, ...flags]);
  return { ...found, report: JSON.parse(found.stdout.toString() || '{}') };
}

function assertSound(nix: RealNix): void {
  const { status, stderr } = nix.try('nix-store', '--verify', '--check-contents');
  assert.equal(status, 0, stderr);
}

test('the same links, modes, times and statistics', needs, async () => {
  const { theirs, ours } = await twoStores('same');
  const expected = theirs.try('nix-store', '--optimise');
  const found = await optimise(ours);
  assert.equal(found.status, 0, found.stderr);
  assert.deepEqual(linksOf(ours), linksOf(theirs));
  assert.deepEqual(look(ours), look(theirs));
  const [said] = /\S+ MiB freed by hard-linking \d+ files/.exec(expected.stderr)!;
  assert.ok(found.stderr.includes(said), found.stderr);
  assert.match(said, new RegExp(` ${found.report.filesLinked} files`));
  assertSound(ours);
  // Again, by either: nothing is left to do, also when the links themselves are looked at.
  for (const flags of [[], ['--recheck']]) {
    assert.deepEqual((await optimise(ours, ...flags)).report, {
      paths: 4,
      filesLinked: 0,
      bytesFreed: 0,
      failures: [],
    });
  }
  assert.match(ours.try('nix-store', '--optimise').stderr, /0\.00 MiB freed by hard-linking 0 files/);
  assert.deepEqual(look(ours), look(theirs));
});

test('half by one and half by the other', needs, async () => {
  const { theirs, ours, paths } = await twoStores('halves');
  theirs.run('nix-store', '--optimise');
  {
    await using store = await openTestStore(ours.store, { settings: { autoOptimise: true } });
    await store.addPath({ name: 'more', source: join(directory, 'halves-one') });
  }
  ours.run('nix-store', '--optimise');
  await optimise(ours);
  theirs.run('nix-store', '--add', join(directory, 'halves-one'));
  await optimise(theirs);
  assert.deepEqual(linksOf(ours), linksOf(theirs));
  assert.equal(paths.length, 3);
  assertSound(ours);
  assertSound(theirs);
});

test('what becomes valid with auto-optimise-store is linked at once', needs, async () => {
  const settings = { 'auto-optimise-store': true };
  const nix = new RealNix(directory, join(directory, 'auto'));
  await using store = await openStore({ store: nix.store, settings });
  const one = await store.local.addPath({ name: 'one', source: makeTree('auto-one', 'x') });
  const two = await store.local.addPath({ name: 'two', source: makeTree('auto-two', 'y') });
  const inode = (path: string, file: string) => lstatSync(join(store.local.realPath(path), file)).ino;
  for (const file of ['common', 'a/b/run', 'a/nothing', 'large', 'a/link'])
    assert.equal(inode(one.path, file), inode(two.path, file), file);
  assert.notEqual(inode(one.path, 'common'), inode(one.path, 'a/b/run'));
  assertSound(nix);
  const { links, files } = await store.local.linkStatistics();
  assert.equal(links, linksOf(nix).length);
  assert.ok(files > links);
});

test(
  'links that are not what they are called are replaced, also where only recheck can tell',
  needs,
  async () => {
    const { ours, paths } = await twoStores('corrupt');
    assert.equal((await optimise(ours)).status, 0);
    const text = join(directory, 'corrupt-text');
    writeFileSync(text, 'common\n');
    const links = join(storeOf(ours), '.links');
    const common = lstatSync(join(storeOf(ours), paths[0]!.slice('/nix/store/'.length), 'common')).ino;
    const link = join(links, readdirSync(links).find((name) => lstatSync(join(links, name)).ino === common)!);
    const harms: Readonly<Record<string, () => void>> = {
      'another size': () => writeFileSync(link, 'longer than it was'),
      'another mode': () => chmodSync(link, 0o555),
      'other contents, and another time': () => writeFileSync(link, 'nommoc\n'),
      'other contents, as if nothing had been': () => {
        writeFileSync(link, 'nommoc\n');
        utimesSync(link, 1, 1);
      },
      gone: () => {},
    };
    for (const [how, harm] of Object.entries(harms)) {
      // Of its own, so that no path comes to harm by it.
      rmSync(link, { force: true });
      if (how !== 'gone') {
        writeFileSync(link, 'common\n');
        chmodSync(link, 0o644);
        harm();
        if (how !== 'another mode') chmodSync(link, 0o444);
        if (how === 'another mode') utimesSync(link, 1, 1);
      }
      const copy = ours.run('nix-store', '--add-fixed', 'sha256', text);
      const found = await optimise(ours, ...(how.includes('nothing') ? ['--recheck'] : []));
      assert.equal(found.status, 0, found.stderr);
      assert.equal(
        found.stderr.includes('removing corrupted link'),
        how !== 'gone',
        `${how}: ${found.stderr}`,
      );
      assertSound(ours);
      assert.equal(lstatSync(link).mode & 0o777, 0o444);
      const inode = lstatSync(link).ino;
      assert.ok(paths.every((path) => [inode, common].includes(lstatSync(real(path, 'common')).ino)));
      ours.run('nix-store', '--delete', copy);
    }
    function real(path: string, file: string): string {
      return join(storeOf(ours), path.slice('/nix/store/'.length), file);
    }
  },
);

test('.links that is gone is made again', needs, async () => {
  const { theirs, ours } = await twoStores('vanished');
  for (const nix of [theirs, ours]) {
    nix.run('nix-store', '--optimise');
    await native.removeTree(join(storeOf(nix), '.links'));
  }
  await optimise(ours, '--recheck');
  theirs.run('nix-store', '--optimise');
  assert.deepEqual(linksOf(ours), linksOf(theirs));
  assertSound(ours);
});

test(
  'files their owner may write to are left alone, and a broken path keeps nobody else from it',
  needs,
  async () => {
    const harm = (root: string) => {
      const store = join(root, 'nix/store');
      const [tree] = readdirSync(store).filter((name) => name.endsWith('-one'));
      chmodSync(join(store, tree!, 'common'), 0o644);
    };
    const { theirs, ours } = await twoStores('writable', harm);
    const expected = theirs.try('nix-store', '--optimise');
    const found = await optimise(ours);
    assert.match(expected.stderr, /skipping suspicious writable file/);
    assert.match(found.stderr, /skipping suspicious writable file '.*-one\/common'/);
    assert.deepEqual(look(ours), look(theirs));
    const { ours: broken } = await twoStores('broken', (root) => {
      const store = join(root, 'nix/store');
      const [name] = readdirSync(store).filter((base) => base.endsWith('-two'));
      chmodSync(join(store, name!), 0o755);
      execFileSync('mkfifo', [join(store, name!, 'bb-fifo')]);
    });
    const half = await optimise(broken);
    assert.equal(half.status, 1);
    assert.equal(half.report.failures.length, 1);
    assert.ok(half.report.filesLinked > 5);
  },
);

test('both at once, several times', needs, async () => {
  const { theirs, ours } = await twoStores('at-once');
  theirs.run('nix-store', '--optimise');
  const runs = await Promise.all([
    ours.start('nix-store', ['--optimise']),
    optimise(ours),
    ours.start('nix-store', ['--optimise']),
    optimise(ours, '--recheck'),
  ]);
  for (const [index, { status, stderr }] of runs.entries()) {
    // A Nix gives up where somebody else has just made a directory read-only again.
    if (index % 2 === 1 || !/Permission denied/.test(stderr)) assert.equal(status, 0, stderr);
  }
  assert.equal((await optimise(ours)).status, 0);
  assert.deepEqual(linksOf(ours), linksOf(theirs));
  assertSound(ours);
  // Nix leaves such names behind where somebody else has just made the same link.
  assert.deepEqual(
    readdirSync(storeOf(ours)).filter((name) => name.startsWith(`.tmp-link-${process.pid}-`)),
    [],
  );
});

test('killed at any moment: every path is whole, and the next run finishes it', needs, async () => {
  const { theirs, ours } = await twoStores('killed');
  theirs.run('nix-store', '--optimise');
  const main = fileURLToPath(new URL('../../ts/main.js', import.meta.url));
  // From before it begins to after it has ended, on a machine of any speed.
  for (const links of [1, 3, 6]) {
    const child = spawn(process.execPath, [main, 'optimise', '--store', ours.store], { stdio: 'ignore' });
    const ended = once(child, 'exit');
    while (child.exitCode === null && linksOf(ours).length < links) await sleep(1);
    child.kill('SIGKILL');
    await ended;
    assertSound(ours);
  }
  const found = await optimise(ours);
  assert.equal(found.status, 0, found.stderr);
  assert.deepEqual(linksOf(ours), linksOf(theirs));
  assertSound(ours);
});

test('a link with as many names as there can be is no failure', needs, async () => {
  const { ours, paths } = await twoStores('many');
  await optimise(ours);
  const base = join(storeOf(ours), paths[0]!.slice('/nix/store/'.length));
  const room = join(directory, 'names');
  mkdirSync(room);
  let full = false;
  // 65,000 on ext4, which take a while; other file systems have no limit that can be reached.
  for (let index = 0; index < (longForm ? 66_000 : 100) && !full; index++) {
    try {
      linkSync(join(base, 'common'), join(room, `${index}`));
    } catch (error) {
      assert.equal((error as NodeJS.ErrnoException).code, 'EMLINK');
      full = true;
    }
  }
  const more = ours.run('nix-store', '--add', makeTree('many-more', 'more'));
  const found = await optimise(ours);
  assert.equal(found.status, 0, found.stderr);
  assert.equal(found.stderr.includes('has maximum number of links'), full);
  const file = join(storeOf(ours), more.slice('/nix/store/'.length), 'common');
  assert.equal(lstatSync(file).ino === lstatSync(join(base, 'common')).ino, !full);
  rmSync(room, { recursive: true });
});
