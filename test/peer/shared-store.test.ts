import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type DerivationValue, openStore, type Store } from '../../ts/index.js';
import { configuration, RealNix } from '../support/nix.js';
import { longForm, requires } from '../support/requires.js';
import { scriptDerivation } from '../support/scripts.js';
import { temporaryDirectory } from '../support/temporary.js';

// One store that a real Nix and airplant work on, at once and in turn: they build, add, collect, optimise and verify.
// What somebody has rooted is there for good, no command fails, and both find the store sound.
const needs = requires('user-namespaces', 'program:nix-store', 'program:busybox');
const directory = temporaryDirectory('shared-store');
const main = fileURLToPath(new URL('../../ts/main.js', import.meta.url));
const nix = new RealNix(directory, join(directory, 'store'));
const roots = join(directory, 'roots');
/** Rounds of the short form; the long one goes on for a quarter of an hour. */
const rounds = 8;
const end = Date.now() + (longForm ? 15 * 60 * 1000 : 0);

interface Ended {
  readonly status: number | null;
  readonly stderr: string;
}

/**
 * What is done beside builds. The verifying of Nix 2.8 is not: it lists the store directory first and the database
 * afterwards, and forgets every path that came in between.
 */
const upkeep: Readonly<Record<string, () => Promise<Ended>>> = {
  'nix-store --gc': () => nix.start('nix-store', ['--gc']),
  'nix-store --gc --max-freed': () => nix.start('nix-store', ['--gc', '--max-freed', '100K']),
  'nix-store --optimise': () => nix.start('nix-store', ['--optimise']),
  'airplant gc': () => airplant('gc'),
  'airplant optimise': () => airplant('optimise'),
  'airplant verify': () => airplant('verify', '--check-contents'),
};

/** The temporary links of one Nix's optimising are garbage to another's collecting, and where they are gone it fails. */
const apart = ['nix-store --gc', 'nix-store --gc --max-freed'].map((gc) =>
  [gc, 'nix-store --optimise'].join(),
);

const names = Object.keys(upkeep);
/** What is done at once, two by two. */
const stride = 5;
const pairs = names
  .flatMap((one, index) => names.slice(index).map((other) => [one, other] as const))
  .filter((pair) => !apart.includes(pair.join()));

test('a store shared with a real Nix: nothing is lost, and both verify clean', needs, async (t) => {
  mkdirSync(roots);
  const tally: Record<string, number> = {};
  const run = async (what: string, work: () => Promise<Ended>) => {
    const { status, stderr } = await work();
    assert.equal(status, 0, `${what}: ${stderr}`);
    tally[what] = (tally[what] ?? 0) + 1;
  };
  const start = Math.floor(Math.random() * pairs.length);
  for (let round = 0; round < rounds || Date.now() < end; round++) {
    await using store = await openStore({ store: nix.store });
    const [shared, ours, theirs] = await Promise.all(
      ['shared', 'ours', 'theirs'].map((name) => instantiate(store, `${name}-${round}`)),
    );
    // All pairs in their turn, in an order in which the first few are different in everything.
    const beside = pairs[(start + round * stride) % pairs.length]!;
    await Promise.all([
      run('nix-store --realise', () => realise(`nix-${round}`, shared!, theirs!)),
      run('airplant build', () => airplant('build', shared!, ours!, '-o', join(roots, `airplant-${round}`))),
      run('addText, addPath', () => add(store, round)),
      run('nix-store --add', () => nix.start('nix-store', ['--add', fileURLToPath(import.meta.url)])),
      ...beside.map((name) => run(name, upkeep[name]!)),
    ]);
    assertKept(store);
    // In turn, and with something to collect.
    for (const name of readdirSync(roots)) if (name.includes(`-${round - 2}`)) rmSync(join(roots, name));
    await run(names[round % names.length]!, upkeep[names[round % names.length]!]!);
    assertKept(store);
    const { status, stderr } = nix.try('nix-store', '--verify', '--check-contents');
    assert.deepEqual([status, /disappeared|modified|error/.exec(stderr)], [0, null], stderr);
    assert.deepEqual(await store.local.checkDatabase({ thorough: true }), []);
    for (const path of store.local.validPaths()) {
      assert.deepEqual(await store.local.verifyPath(path), { kind: 'good' }, path);
    }
  }
  t.diagnostic(JSON.stringify(tally));
});

/** Adds the derivations of a small graph, and roots them. Returns the one on top. */
async function instantiate(store: Store, name: string): Promise<string> {
  const make = (part: string, text: string, more: Readonly<Record<string, unknown>> = {}): DerivationValue =>
    scriptDerivation(`${part}-${name}`, text, more);
  const files = make('files', 'bb mkdir -p $out/a; for i in $(bb seq 20); do echo equal > $out/a/$i; done');
  const several = make('several', 'echo $out > $dev; echo $files > $out', { files, outputs: ['out', 'dev'] });
  const top = make('top', 'echo $several $files > $out; echo equal >> $out', { several, files });
  const drvPath = await store.instantiate(top);
  await store.local.makeResultLink({ link: join(roots, `drv-${name}`), path: drvPath });
  return drvPath;
}

function realise(link: string, ...drvPaths: string[]): Promise<Ended> {
  const args = ['--realise', ...drvPaths, '--add-root', join(roots, link), '--indirect'];
  // It looks for a lock it waits for every five seconds, unless told otherwise.
  return nix.start('nix-store', [...args, '--option', 'build-poll-interval', '1']);
}

/** Our own command line, in a process of its own. */
async function airplant(...argv: string[]): Promise<Ended> {
  const env = {
    PATH: process.env['PATH'],
    HOME: directory,
    NIX_CONF_DIR: directory,
    NIX_CONFIG: configuration,
  };
  return await new Promise((resolve, reject) => {
    const args = [main, ...argv, '--store', nix.store];
    const child = execFile(process.execPath, args, { env, maxBuffer: 2 ** 26 }, (error, _, stderr) => {
      if (typeof error?.code === 'string') reject(error);
      else resolve({ status: child.exitCode, stderr });
    });
  });
}

/** Texts and trees, each rooted before it may go. */
async function add({ local }: Store, round: number): Promise<Ended> {
  const source = join(directory, `source-${round}`);
  mkdirSync(source);
  writeFileSync(join(source, 'equal'), 'equal\n');
  for (let n = 0; n < 10; n++) {
    const text = await local.addText({ name: `text-${n}`, contents: `${round} ${n}`, references: [] });
    const { path } = await local.addPath({ name: `tree-${round}-${n}`, source, references: [text] });
    await local.makeResultLink({ link: join(roots, `tree-${n}-${round}`), path });
  }
  return { status: 0, stderr: '' };
}

/** Everything that is rooted is valid, with all it refers to. */
function assertKept({ local }: Store): void {
  const rooted = readdirSync(roots).map((name) => readlinkSync(join(roots, name)));
  assert.ok(rooted.length > 10);
  for (const path of rooted) assert.ok(local.isValid(path), path);
  for (const path of local.closure(rooted)) assert.ok(local.isValid(path), path);
}
