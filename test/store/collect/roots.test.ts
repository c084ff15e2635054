import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { chmodSync, existsSync, lstatSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { encodeText } from '../../../ts/base/text.js';
import type { LocalStore } from '../../../ts/store/local-store.js';
import { registerGraph } from '../../support/graph-in-store.js';
import { requires } from '../../support/requires.js';
import { openTestStore, somePath, startScript } from '../../support/stores.js';
import { temporaryDirectory } from '../../support/temporary.js';

const directory = temporaryDirectory('roots');

async function storeWith(name: string, ...paths: string[]): Promise<LocalStore> {
  const store = await openTestStore(join(directory, name));
  await registerGraph(
    store,
    paths.map((path) => ({ path, references: [] })),
  );
  return store;
}

/** Roots below the state directory, by what they keep; and what was noted. */
async function rootsOf(store: LocalStore) {
  const notes: string[] = [];
  const roots = await store.findRoots({
    onEvent: (event) => event.type === 'collect.note' && notes.push(event.message),
  });
  return { roots: roots.map(({ link, path }) => [link, path] as const), notes };
}

const [a, b, c, d, gone] = ['a', 'b', 'c', 'd', 'z'].map((digit) => somePath(digit)) as [
  string,
  string,
  string,
  string,
  string,
];

test('every form of root below gcroots and profiles', async () => {
  await using store = await storeWith('forms', a, b, c, d);
  const { stateDir, realStoreDir } = store.directories;
  const gcroots = join(stateDir, 'gcroots');
  mkdirSync(join(gcroots, 'deep/er'), { recursive: true });
  symlinkSync(a, join(gcroots, 'deep/er/direct'));
  symlinkSync(`${b}/bin/program/../x`, join(gcroots, 'below'));
  writeFileSync(join(gcroots, 'deep', c.slice('/nix/store/'.length)), 'ignored contents');
  symlinkSync(d, join(stateDir, 'profiles/p-1-link'));
  symlinkSync('p-1-link', join(stateDir, 'profiles/p'));
  const user = join(directory, 'user-link');
  symlinkSync(a, user);
  symlinkSync(user, join(gcroots, 'auto-like'));
  // By where the store really lies.
  symlinkSync(join(realStoreDir, a.slice('/nix/store/'.length), 'x'), join(gcroots, 'physical'));
  const { roots, notes } = await rootsOf(store);
  assert.deepEqual(roots, [
    [join(gcroots, 'below'), b],
    [join(gcroots, 'deep', c.slice('/nix/store/'.length)), c],
    [join(gcroots, 'deep/er/direct'), a],
    [join(gcroots, 'physical'), a],
    [join(stateDir, 'profiles/p-1-link'), d],
    [user, a],
  ]);
  assert.deepEqual(notes, []);
});

test('roots that are none: loops, what dangles, chains, strange names, what cannot be read', async () => {
  await using store = await storeWith('hostile', a, b);
  const { stateDir } = store.directories;
  const gcroots = join(stateDir, 'gcroots');
  const at = (name: string) => join(gcroots, name);
  symlinkSync('loop', at('loop'));
  symlinkSync('.', at('self'));
  symlinkSync('../../..', at('up'));
  symlinkSync(gone, at('invalid'));
  symlinkSync('/nix/store', at('the-store'));
  symlinkSync('/nix/store/', at('the-store-too'));
  symlinkSync('/nix/store/../store/x', at('no-path'));
  symlinkSync('/nix/store2/aaaa', at('other-store'));
  symlinkSync('/nowhere', at('dangling'));
  // Two steps are one too many.
  symlinkSync(a, join(directory, 'one'));
  symlinkSync(join(directory, 'one'), join(directory, 'two'));
  symlinkSync(join(directory, 'two'), at('chain'));
  writeFileSync(at('aaaa-not-a-path'), '');
  writeFileSync(at(gone.slice('/nix/store/'.length)), '');
  mkdirSync(at(a.slice('/nix/store/'.length)));
  symlinkSync(`/${'x'.repeat(300)}`, at('long'));
  symlinkSync(`${a}\n${b}`, at('line\nbreak'));
  symlinkSync(a, encodeText(`${gcroots}/bytes\udcff\n`) as unknown as string);
  mkdirSync(at('secret'));
  symlinkSync(b, at('secret/link'));
  chmodSync(at('secret'), 0);
  // Stale only where links are made for the user.
  mkdirSync(join(gcroots, 'auto'));
  symlinkSync('/nowhere', join(gcroots, 'auto', 'stale'));
  try {
    const { roots, notes } = await rootsOf(store);
    const mayReadAll = process.geteuid?.() === 0;
    assert.deepEqual(
      roots.filter(([link]) => !link.endsWith('secret/link')),
      [[`${gcroots}/bytes\udcff\n`, a]],
    );
    assert.deepEqual(
      notes.filter((note) => !note.includes('secret')).sort(),
      [
        `removing stale link from '${gcroots}/auto/stale' to '/nowhere'`,
        `skipping invalid root from '${at('invalid')}' to '${gone}'`,
        `cannot read potential root '${at('long')}' (ENAMETOOLONG)`,
      ].sort(),
    );
    assert.equal(
      notes.some((note) => note.includes('secret')),
      !mayReadAll,
    );
    assert.ok(!existsSync(join(gcroots, 'auto/stale')));
  } finally {
    chmodSync(at('secret'), 0o700);
  }
});

test('a store that is only read keeps its stale links', async () => {
  await (await storeWith('read-only', a)).close();
  await using store = await openTestStore(join(directory, 'read-only'), { readOnly: true });
  const { stateDir } = store.directories;
  mkdirSync(join(stateDir, 'gcroots/auto'));
  symlinkSync('/nowhere', join(stateDir, 'gcroots/auto/stale'));
  writeFileSync(join(stateDir, 'temproots/1'), `${a}\0`);
  const { roots } = await rootsOf(store);
  assert.deepEqual(roots, [['{temp:1}', a]]);
  assert.ok(lstatSync(join(stateDir, 'gcroots/auto/stale')));
});

test('temporary roots: of those who live, and nothing else in the directory', async () => {
  await using store = await storeWith('temporary', a);
  const { stateDir } = store.directories;
  const temproots = join(stateDir, 'temproots');
  const worker = startScript('store-worker', 'root', join(directory, 'temporary'), b);
  assert.equal(await worker.said(), 'rooted');
  writeFileSync(join(temproots, '999999999'), `${a}\0`);
  writeFileSync(join(temproots, '.keep'), `${a}\0`);
  writeFileSync(join(temproots, 'no-number'), `${a}\0`);
  mkdirSync(join(temproots, '7'));
  symlinkSync('999999999', join(temproots, '8'));
  const held = await store.protect([a]);
  const expected = [
    [`{temp:${worker.child.pid}}`, b],
    [`{temp:${process.pid}}`, a],
  ].sort(([x], [y]) => (x! < y! ? -1 : 1));
  const { roots, notes } = await rootsOf(store);
  assert.deepEqual(roots, expected);
  assert.deepEqual(notes, [`removing stale temporary roots file '${temproots}/999999999'`]);
  assert.ok(!existsSync(join(temproots, '999999999')));
  held.release();
  held.release();
  assert.deepEqual(
    (await rootsOf(store)).roots,
    expected.slice(0).filter(([, path]) => path === b),
  );
  worker.child.kill('SIGKILL');
  await worker.exit;
  assert.deepEqual((await rootsOf(store)).roots, []);
});

test('what running processes use', requires('linux', 'program:sleep'), async () => {
  await using store = await storeWith('runtime', a, b, c, d);
  const { realStoreDir } = store.directories;
  const real = join(realStoreDir, c.slice('/nix/store/'.length));
  mkdirSync(real);
  const child = spawn('sleep', ['60'], {
    cwd: real,
    env: { PATH: process.env['PATH'], FLAGS: `-L${a}/lib -L${b}/lib:${gone}`, SHORT: '/nix/store/' },
    stdio: 'ignore',
  });
  try {
    await new Promise((resolve) => child.once('spawn', resolve));
    const { roots } = await rootsOf(store);
    const proc = `/proc/${child.pid}`;
    assert.deepEqual(
      roots.filter(([link]) => link.startsWith(`${proc}/`)),
      [
        [`${proc}/cwd`, c],
        [`${proc}/environ`, a],
        [`${proc}/environ`, b],
      ],
    );
    const censored = await store.findRoots({ censor: true });
    assert.deepEqual(
      censored.map(({ link }) => link),
      ['{censored}', '{censored}', '{censored}'],
    );
    assert.deepEqual(
      (await store.listPaths('dead')).map(({ path }) => path),
      [d],
    );
  } finally {
    child.kill('SIGKILL');
  }
});
