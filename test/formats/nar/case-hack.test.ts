import assert from 'node:assert/strict';
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { hashSource } from '../../../ts/derivation/author/source.js';
import { hashBytes } from '../../../ts/formats/hash-bytes.js';
import { caseHackSuffix, withCaseHack } from '../../../ts/formats/nar/case-hack.js';
import type { NarEvent } from '../../../ts/formats/nar/event.js';
import { readNar } from '../../../ts/formats/nar/read.js';
import { dumpTree, type NarTree, treeEvents } from '../../../ts/formats/nar/tree.js';
import { native } from '../../../ts/native.js';
import { restoreNar } from '../../../ts/store/restore-nar.js';
import { CommandLine } from '../../support/command-line.js';
import { openTestStore } from '../../support/stores.js';
import { temporaryDirectory } from '../../support/temporary.js';

const directory = temporaryDirectory('case-hack');
const withHack = { caseHack: true };

const file = (contents: string): NarTree => ({
  type: 'regular',
  executable: false,
  contents: Buffer.from(contents),
});
const folder = (entries: Readonly<Record<string, NarTree>>): NarTree => ({
  type: 'directory',
  entries: new Map(Object.entries(entries)),
});
const plain = (...names: string[]) => folder(Object.fromEntries(names.map((name) => [name, file(name)])));

async function namesOnDisk(tree: NarTree): Promise<string[]> {
  const events: NarEvent[] = [];
  for await (const event of withCaseHack(treeEvents(tree))) events.push(event);
  return events.flatMap((event) => (event.kind === 'entry' ? [event.name] : []));
}

async function dumped(path: string): Promise<Buffer> {
  const copy = join(directory, 'dumped.nar');
  const fd = openSync(copy, 'w');
  try {
    await native.dumpTree(path, fd, withHack);
  } finally {
    closeSync(fd);
  }
  return readFileSync(copy);
}

let made = 0;
/** A directory with these names on disk. */
function onDisk(...names: string[]): string {
  const path = join(directory, `disk-${made++}`);
  mkdirSync(path);
  for (const name of names) writeFileSync(join(path, name), name);
  return path;
}

test('the first of names that differ only in case stays, the others are numbered', async () => {
  assert.deepEqual(await namesOnDisk(plain('AB', 'Ab', 'aB', 'ab', 'abc')), [
    'AB',
    `Ab${caseHackSuffix}1`,
    `aB${caseHackSuffix}2`,
    `ab${caseHackSuffix}3`,
    'abc',
  ]);
});

test('each directory counts for itself, also after one inside it', async () => {
  const tree = folder({ A: plain('x', 'X'), B: file(''), a: plain('x', 'y'), b: file('') });
  assert.deepEqual(await namesOnDisk(tree), [
    'A',
    'X',
    `x${caseHackSuffix}1`,
    'B',
    `a${caseHackSuffix}1`,
    'x',
    'y',
    `b${caseHackSuffix}1`,
  ]);
});

test('only ASCII letters have a case, as in Nix', async () => {
  assert.deepEqual(await namesOnDisk(plain('É', 'é', 'K', '\u212a')), ['K', 'É', 'é', '\u212a']);
});

test('a name that holds the suffix is refused, and nothing is left of the tree', async () => {
  const tree = folder({ sub: plain('a', `a${caseHackSuffix}1`) });
  const restoring = restoreNar(readNar([dumpTree(tree)]), join(directory, 'literal'), withHack);
  await assert.rejects(restoring, { code: 'ERR_NAR', message: /the name 'a~nix~case~hack~1'/ });
  assert.ok(!readdirSync(directory).includes('literal'));
  await restoreNar(readNar([dumpTree(tree)]), join(directory, 'literal'));
  assert.deepEqual(readdirSync(join(directory, 'literal/sub')), ['a', `a${caseHackSuffix}1`]);
});

test('what was unpacked has the archive and the hash it came from', async () => {
  const tree = folder({
    A: plain('x', 'X'),
    a: plain('x'),
    'a.b': file('between a and its suffix'),
    b: file(''),
  });
  const nar = dumpTree(tree);
  const path = join(directory, 'round');
  await restoreNar(readNar([nar]), path, withHack);
  assert.deepEqual(await dumped(path), nar);
  const { hex } = hashBytes('sha256', nar);
  assert.equal((await native.hashTree(path, [], withHack)).hash, hex);
  assert.equal(hashSource(path, undefined, withHack).narHash.hex, hex);
  // Otherwise a name is what it is.
  assert.notEqual((await native.hashTree(path, [])).hash, hex);
  assert.notEqual(hashSource(path, undefined, { caseHack: false }).narHash.hex, hex);
});

test('names that are the same without the suffix are no archive', async () => {
  for (const names of [
    ['a', `a${caseHackSuffix}1`],
    [`a${caseHackSuffix}1`, `a${caseHackSuffix}2`],
    [`b${caseHackSuffix}`, 'a', 'b', 'c'],
  ]) {
    const path = onDisk(...names);
    await assert.rejects(native.hashTree(path, [], withHack), { code: 'EEXIST', path });
    await assert.rejects(dumped(path), { code: 'EEXIST', path });
    assert.throws(() => hashSource(path, undefined, withHack), { code: 'ERR_NAR' });
    await native.hashTree(path, []);
  }
});

test('a name that is nothing but the suffix is none', async () => {
  const path = onDisk('a', `${caseHackSuffix}1`);
  await assert.rejects(native.hashTree(path, [], withHack), {
    code: 'EINVAL',
    path: join(path, `${caseHackSuffix}1`),
  });
  assert.throws(() => hashSource(path, undefined, withHack), { code: 'ERR_NAR' });
  assert.throws(() => native.hashTree(path, [], { caseHack: 1 as never }), TypeError);
});

test('a store with the case hack: an archive that is added, and files that are', async () => {
  await using store = await openTestStore(join(directory, 'store'), { settings: { useCaseHack: true } });
  await using other = await openTestStore(join(directory, 'other'));
  const nar = dumpTree(plain('A', 'a'));
  const narHash = hashBytes('sha256', nar);
  const path = '/nix/store/00000000000000000000000000000000-case';
  const info = {
    path,
    narHash,
    narSize: nar.length,
    references: [],
    registrationTime: 0,
    ultimate: false,
    signatures: [],
  };
  const source = async function* () {
    yield nar;
  };
  await store.addNar({ info, source: source() });
  assert.deepEqual(readdirSync(store.realPath(path)).sort(), ['A', `a${caseHackSuffix}1`]);
  const added = await store.addPath({ name: 'again', source: store.realPath(path) });
  assert.deepEqual(added.narHash, narHash);
  const twice = store.addPath({ name: 'twice', source: onDisk('a', `a${caseHackSuffix}1`) });
  await assert.rejects(twice, {
    code: 'ERR_UNSUPPORTED_FILE',
    message: /two files whose names are the same/,
  });
  await other.addNar({ info, source: source() });
  assert.deepEqual(readdirSync(other.realPath(path)).sort(), ['A', 'a']);
});

test('on the command line it is the setting use-case-hack', async () => {
  const place = join(directory, 'command-line');
  mkdirSync(place);
  const commandLine = new CommandLine(place);
  const option = ['--option', 'use-case-hack', 'true'];
  const nar = dumpTree(plain('A', 'a'));
  assert.equal((await commandLine.run(['nar', 'restore', ...option, 'hacked'], [nar])).status, 0);
  assert.deepEqual(readdirSync(join(place, 'hacked')).sort(), ['A', `a${caseHackSuffix}1`]);
  assert.deepEqual((await commandLine.run(['nar', 'dump', ...option, 'hacked'])).stdout, nar);
  const { stdout } = await commandLine.run(['hash', 'path', '--to', 'base16', ...option, 'hacked']);
  assert.equal(`${stdout}`, `${hashBytes('sha256', nar).hex}\n`);

  writeFileSync(join(place, `hacked/A${caseHackSuffix}7`), '');
  const refused = await commandLine.run(['nar', 'dump', ...option, 'hacked']);
  assert.notEqual(refused.status, 0);
  assert.match(refused.stderr, /command-line\/hacked' holds two files whose names are the same without/);
  assert.equal(
    (await commandLine.run(['nar', 'dump', '--option', 'use-case-hack', 'false', 'hacked'])).status,
    0,
  );
});
