import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { decodeText } from '../../ts/base/text.js';
import { parseDerivation } from '../../ts/derivation/aterm-parse.js';
import { printJson } from '../../ts/derivation/json-print.js';
import { parseJson } from '../../ts/derivation/json-text.js';
import { Database } from '../../ts/store/database.js';
import { type Corpus, loadCorpus } from '../derivation/corpus.js';
import { CommandLine } from '../support/command-line.js';
import { openTestStore } from '../support/stores.js';
import { temporaryDirectory } from '../support/temporary.js';

// 1436 derivations of 361 real packages in a store of ours, asked about through the command line.
const directory = temporaryDirectory('corpus');
const root = join(directory, 'root');
const airplant = new CommandLine(directory);
let corpus: Corpus;
let largest: { drvPath: string; derivations: string[] };

before(async () => {
  corpus = loadCorpus('packages');
  const parsed = new Map(
    [...corpus.files].map(([path, bytes]) => [path, parseDerivation(bytes, { name: 'x' })]),
  );
  (await openTestStore(root)).close();
  await registerSources(new Set([...parsed.values()].flatMap(({ inputSrcs }) => inputSrcs)));
  await using store = await openTestStore(root);
  await store.addTexts(
    [...corpus.files].map(([path, contents]) => {
      const { inputSrcs, inputDrvs } = parsed.get(path)!;
      return { name: path.slice(44), contents, references: [...inputSrcs, ...inputDrvs.keys()] };
    }),
  );
  const closures = [...corpus.files.keys()].map((drvPath) => ({
    drvPath,
    derivations: store.closure([drvPath]).filter((path) => path.endsWith('.drv')),
  }));
  largest = closures.reduce((most, one) => (one.derivations.length > most.derivations.length ? one : most));
});

test('the files in the store are the real ones', async () => {
  await using store = await openTestStore(root, { readOnly: true });
  for (const path of corpus.files.keys()) assert.ok(store.isValid(path), path);
});

test('show-derivation prints what nix show-derivation prints', async () => {
  const all = [...corpus.files.keys()];
  const { status, stdout, stderr } = await airplant.run([
    'show-derivation',
    '--format',
    '1',
    '--store',
    root,
    ...all,
  ]);
  assert.deepEqual([status, stderr], [0, '']);
  // The fixture has its keys sorted, which the output need not have.
  const sorted = (text: string) => printJson(parseJson(text, 'x'), { sortKeys: true });
  assert.equal(sorted(decodeText(stdout)), sorted(corpus.showDerivation));
});

test('one derivation, and one with all it depends on', async () => {
  const known = parseJson(corpus.showDerivation, 'show.json') as Record<string, unknown>;
  for (const drvPath of [...corpus.files.keys()].filter((_, index) => index % 200 === 0)) {
    const { stdout } = await airplant.run(['show-derivation', '--format', '1', '--store', root, drvPath]);
    assert.deepEqual(
      { ...(parseJson(decodeText(stdout), 'stdout') as object) },
      { [drvPath]: known[drvPath] },
    );
  }
  const { stdout } = await airplant.run([
    'show-derivation',
    '-r',
    '--format',
    '1',
    '--store',
    root,
    largest.drvPath,
  ]);
  const shown = parseJson(stdout.toString(), 'stdout') as Record<string, unknown>;
  assert.deepEqual(Object.keys(shown).sort(), largest.derivations.toSorted());
});

test('the largest closure is planned dependencies first', async () => {
  const { status, stdout, stderr } = await airplant.run([
    ...['build', '--dry-run', '--json', '--store', root, largest.drvPath],
  ]);
  assert.equal(status, 0);
  const { build, unknown } = JSON.parse(stdout.toString()) as {
    build: { drvPath: string; dependsOn: string[] }[];
    unknown: string[];
  };
  assert.deepEqual(unknown, []);
  assert.ok(build.length > 700, `${build.length} of ${largest.derivations.length}`);
  assert.match(stderr, new RegExp(`^these ${build.length} derivations will be built:`));
  const done = new Set<string>();
  for (const { drvPath, dependsOn } of build) {
    for (const dependency of dependsOn) assert.ok(done.has(dependency));
    done.add(drvPath);
  }
});

test('all of them are planned within a heap of 48 MB', () => {
  const main = fileURLToPath(new URL('../../ts/main.js', import.meta.url));
  const { status, stderr } = spawnSync(
    process.execPath,
    ['--max-old-space-size=48', main, 'build', '--dry-run', '--store', root, ...corpus.files.keys()],
    { encoding: 'utf8', env: { HOME: directory, NIX_CONF_DIR: directory } },
  );
  assert.equal(status, 0, stderr);
  assert.match(stderr, /^these 1436 derivations will be built:/);
});

/** Sources as they would be registered; their files are not among the fixtures, and planning does not look at them. */
async function registerSources(paths: ReadonlySet<string>): Promise<void> {
  const database = await Database.open({
    file: join(root, 'nix/var/nix/db/db.sqlite'),
    readOnly: false,
    create: false,
    journal: 'wal',
    synchronous: 'off',
  });
  try {
    const sources = [...paths].filter((path) => !corpus.files.has(path));
    await database.register(
      sources.map((path) => ({
        info: {
          path,
          narHash: { algorithm: 'sha256', hex: '0'.repeat(64) },
          narSize: 120,
          references: [],
          registrationTime: 1,
          ultimate: false,
          signatures: [],
        },
      })),
    );
  } finally {
    database.close();
  }
}
