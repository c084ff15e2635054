import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { type AirplantError, type ErrorCode, isAirplantError } from '../../ts/base/errors.js';
import { createEvaluator, evaluatedObjects } from '../../ts/derivation/author/evaluator.js';
import type { DerivationValue } from '../../ts/derivation/author/values.js';
import { hashBytes } from '../../ts/formats/hash-bytes.js';
import { makeTextPath } from '../../ts/formats/make-store-path.js';
import { requires } from '../support/requires.js';
import { authorDerivations, makeTree } from './author-expressions.js';
import { loadFiles } from './corpus.js';
import { handmadeDerivations } from './handmade.js';

const tree = makeTree();
const scratch = dirname(tree);
after(() => rmSync(scratch, { recursive: true }));

test('expressions of one feature each give the .drv files of Nix', () => {
  const files = loadFiles('handmade');
  const made = handmadeDerivations();
  assert.ok(made.length > 60);
  for (const value of made) {
    const bytes = bytesOf(value);
    assert.ok(files.get(value.drvPath)?.equals(bytes), `${value.name}: ${bytes}`);
  }
});

test('larger expressions give the .drv files Nix once made', requires('linux'), () => {
  const made = authorDerivations(tree);
  const files = [...loadFiles('author')];
  assert.equal(made.length, files.length);
  for (const [i, [drvPath, bytes]] of files.entries()) {
    assert.equal(bytesOf(made[i]!).toString(), bytes.toString());
    assert.equal(made[i]!.drvPath, drvPath);
  }
});

test('and those Nix makes now', requires('linux', 'program:nix-instantiate'), () => {
  const store = mkdtempSync(join(tmpdir(), 'airplant-nix-'));
  try {
    const nix = fileURLToPath(new URL('../../../test/fixtures/derivations/author.nix', import.meta.url));
    const options = ['--store', store, '--option', 'substitute', 'false'];
    const printed = execFileSync('nix-instantiate', [...options, nix, '--arg', 'tree', tree], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
      env: { ...process.env, HOME: store, NIX_CONF_DIR: store },
    });
    const paths = [...printed.matchAll(/\/nix\/store\/[^!\n]+/g)].map(([path]) => path);
    const made = authorDerivations(tree);
    assert.deepEqual(
      made.map((value) => value.drvPath),
      paths,
    );
    for (const object of evaluatedObjects(...made)) {
      if (object.kind !== 'derivation' && object.kind !== 'text') continue;
      assert.ok(readFileSync(store + object.path).equals(object.bytes), object.path);
    }
  } finally {
    execFileSync('chmod', ['-R', 'u+w', store]);
    rmSync(store, { recursive: true });
  }
});

test('all that is to be added comes once, and after what it refers to', () => {
  const objects = evaluatedObjects(...authorDerivations(tree));
  const seen = new Set<string>();
  for (const object of objects) {
    assert.ok(!seen.has(object.path));
    for (const reference of object.references) assert.ok(seen.has(reference), `${object.path}: ${reference}`);
    seen.add(object.path);
    if (object.kind !== 'derivation' && object.kind !== 'text') continue;
    const name = object.kind === 'derivation' ? `${object.name}.drv` : object.name;
    const hash = hashBytes('sha256', object.bytes);
    assert.equal(makeTextPath('/nix/store', { name, hash, references: object.references }), object.path);
  }
  const kinds = objects.map(({ kind }) => kind);
  assert.deepEqual(
    ['derivation', 'text', 'source'].map((kind) => kinds.filter((one) => one === kind).length),
    [13, 3, 4],
  );
});

test('a value is its first output, and has the others beside it', () => {
  const { derivation } = createEvaluator();
  const lib = derivation({ name: 'lib', builder: '/b', outputs: ['bin', 'dev', 'name'] });
  assert.equal(lib.outputName, 'bin');
  assert.equal(`${lib}/x`, `${lib.outPath}/x`);
  assert.match(lib.outPath, /-lib-bin$/);
  assert.equal(lib.dev, lib.outputs.dev);
  assert.equal(lib.dev.bin.outPath, lib.outPath);
  assert.equal(lib.name, 'lib', 'an output cannot take the place of a property');
  assert.match(lib.outputs.name.outPath, /-lib-name$/);
  assert.equal(lib.dev.outputName, 'dev');
  assert.equal(lib.dev.drvPath, lib.drvPath);
  // @ts-expect-error: an output it does not have
  assert.equal(lib.nope, undefined);
  const single = derivation({ name: 'single', builder: '/b' });
  assert.equal(single.out.drvPath, single.drvPath);
});

test('the platform is this one unless given', () => {
  const { derivation } = createEvaluator();
  const system = (value: DerivationValue<'out'>) => evaluated(value).system;
  assert.match(system(derivation({ name: 'a', builder: '/b' })), /^\w+-(linux|darwin)$/);
  assert.equal(system(derivation({ name: 'a', builder: '/b', system: 'x' })), 'x');
});

test('of two derivations with one fixed output, each is itself as a value', () => {
  const { derivation } = createEvaluator();
  const fixed = (how: string) =>
    derivation({ name: 'f', builder: '/b', how, outputHash: `sha256-${'A'.repeat(43)}=` });
  const [first, second] = [fixed('1'), fixed('2')];
  assert.equal(first.outPath, second.outPath);
  const inputs = (dep: string | DerivationValue<'out'>) => [
    ...evaluated(derivation({ name: 'user', builder: '/b', dep })).inputDrvs.keys(),
  ];
  assert.deepEqual(inputs(first), [first.drvPath]);
  assert.deepEqual(inputs(second), [second.drvPath]);
  assert.deepEqual(inputs(`${second}`), [first.drvPath], 'the text cannot tell');
});

test('a store path of unknown origin is text, until storePath makes it an input', () => {
  const { derivation, storePath } = createEvaluator();
  const path = `/nix/store/${'0'.repeat(32)}-bash`;
  const sources = (value: DerivationValue<'out'>) => evaluated(value).inputSrcs;
  assert.deepEqual(sources(derivation({ name: 'a', builder: `${path}/bin/bash` })), []);
  const bash = storePath(`${path}/bin/bash`);
  assert.equal(`${bash}`, `${path}/bin/bash`);
  assert.deepEqual(sources(derivation({ name: 'a', builder: `${bash}` })), [path]);
  const user = derivation({ name: 'a', builder: bash });
  assert.deepEqual(sources(user), [path]);
  assert.deepEqual(
    evaluatedObjects(user).map(({ kind, path }) => [kind, path]),
    [
      ['existing', path],
      ['derivation', user.drvPath],
    ],
  );
});

test('a path named by storePath first and made here later is what was made', () => {
  const twin = createEvaluator().derivation({ name: 'dep', builder: '/b' });
  const { derivation, storePath } = createEvaluator();
  storePath(twin.drvPath);
  storePath(twin.outPath);
  const dep = derivation({ name: 'dep', builder: '/b' });
  assert.equal(dep.drvPath, twin.drvPath);
  const user = evaluated(derivation({ name: 'user', builder: '/b', text: `${dep}`, drv: dep.drvPath }));
  assert.deepEqual([...user.inputDrvs.keys()], [dep.drvPath]);
  assert.deepEqual(user.inputSrcs, [dep.drvPath]);
});

test('evaluators know nothing of each other', () => {
  const [one, two] = [createEvaluator(), createEvaluator({ storeDir: '/home/me/st.re' })];
  const dep = one.derivation({ name: 'dep', builder: '/b' });
  assert.equal(evaluated(two.derivation({ name: 'user', builder: '/b', dep: `${dep}` })).inputDrvs.size, 0);
  const error = refusal('ERR_DERIVATION_INVALID', () =>
    two.derivation({ name: 'user', builder: '/b', list: [dep] }),
  );
  assert.equal(error.details['attribute'], 'list[0]');
  const own = two.derivation({ name: 'dep', builder: '/b' });
  assert.match(own.outPath, /^\/home\/me\/st\.re\/\w{32}-dep$/);
  assert.equal(evaluated(two.derivation({ name: 'user', builder: '/b', own: `${own}` })).inputDrvs.size, 1);
  assert.equal(
    evaluated(two.derivation({ name: 'user', builder: '/b', own: own.outPath.replace('st.re', 'stXre') }))
      .inputDrvs.size,
    0,
    'the dot of the store directory is a dot',
  );
});

test('a chain of 2000 derivations is made in linear time', () => {
  const { derivation } = createEvaluator();
  let last = derivation({ name: 'link', builder: '/b' });
  for (let i = 0; i < 2000; i++) last = derivation({ name: 'link', builder: '/b', last });
  assert.equal(evaluatedObjects(last).length, 2001);
});

test('of many values that share what they need each object comes once, dependencies first, whoever made them', () => {
  const [one, other] = [createEvaluator(), createEvaluator()];
  const made: DerivationValue[] = [];
  for (let i = 0; i < 2000; i++) {
    made.push(one.derivation({ name: 'link', builder: '/b', last: made.at(-1) ?? null }));
  }
  const foreign = other.derivation({ name: 'foreign', builder: '/b' });
  const objects = evaluatedObjects(...made.toReversed(), foreign, made[0]);
  assert.deepEqual(
    objects.map(({ path }) => path),
    [...made, foreign].map(({ drvPath }) => drvPath),
  );
});

const cyclicList: unknown[] = [];
cyclicList.push([cyclicList]);
const cyclicObject: Record<string, unknown> = { a: {} };
cyclicObject['a'] = { b: cyclicObject };
let deep: unknown = 1;
for (let i = 0; i < 10_000; i++) deep = [deep];
const structured = { __structuredAttrs: true };

for (const [why, attribute, extra] of [
  ['undefined', 'a', { a: undefined }],
  ['undefined in a list', 'a[1]', { a: [1, undefined] }],
  ['hole in a list', 'a[0]', { a: new Array(1) }],
  ['function', 'a', { a: () => 1 }],
  ['symbol', 'a', { a: Symbol('x') }],
  ['object in the environment', 'a', { a: { b: 1 } }],
  ['Map', 'a.b', { ...structured, a: { b: new Map() } }],
  ['Date', 'a', { a: new Date(0) }],
  ['look-alike', 'a', { a: { outPath: '/nix/store/x' } }],
  ['NaN', 'a', { a: Number.NaN }],
  ['infinity', 'a', { ...structured, a: Number.POSITIVE_INFINITY }],
  ['number without its last digits', 'a', { a: 2 ** 53 }],
  ['65-bit integer', 'a', { a: 2n ** 63n }],
  ['NUL', 'a', { a: 'x\0' }],
  ['half a surrogate pair', 'a.b', { ...structured, a: { b: '\ud83e' } }],
  ['NUL in an object key', 'a', { ...structured, a: { '\0': 1 } }],
  ['list in itself', 'a[0][0]', { a: cyclicList }],
  ['object in itself', 'a.a.b', { ...structured, a: cyclicObject }],
  ['deep list', undefined, { a: deep }],
  ['args not a list', 'args', { args: 'x' }],
  ['argument undefined', 'args[0]', { args: [undefined] }],
  ['no builder', 'builder', { builder: '' }],
  ['builder undefined', 'builder', { builder: undefined }],
  ['structured builder that is no string', 'builder', { ...structured, builder: 1 }],
  ['no system', 'system', { system: '' }],
  ['name not a string', 'name', { name: 1 }],
  ['outputs not a list', 'outputs', { outputs: 'out' }],
  ['no outputs', 'outputs', { outputs: [] }],
  ['output twice', 'outputs', { outputs: ['out', 'out'] }],
  ['flag not a Boolean', '__structuredAttrs', { __structuredAttrs: 1 }],
  ['flag of no prototype', '__impure', { __impure: Object.create(null) }],
  ['content-addressed and impure', '__impure', { __contentAddressed: true, __impure: true }],
  [
    'unknown hash mode',
    'outputHashMode',
    { outputHash: '', outputHashAlgo: 'sha256', outputHashMode: 'zip' },
  ],
  ['unknown algorithm', 'outputHashAlgo', { outputHash: '', outputHashAlgo: 'sha3' }],
  ['empty hash of no algorithm', 'outputHash', { outputHash: '' }],
  ['fixed with two outputs', 'outputs', { outputHash: 'x', outputs: ['out', 'dev'] }],
] as const) {
  test(`refused: ${why}`, () => {
    const attributes = { name: 'x', builder: '/b', ...extra } as never;
    const error = refusal('ERR_DERIVATION_INVALID', () => createEvaluator().derivation(attributes));
    if (attribute !== undefined) assert.equal(error.details['attribute'], attribute, error.message);
  });
}

for (const [why, code, extra] of [
  ['name with a slash', 'ERR_NAME', { name: 'a/b' }],
  ['name ending in .drv', 'ERR_NAME', { name: 'a.drv' }],
  ['output with a slash', 'ERR_NAME', { outputs: ['../x'] }],
  [
    'hash of another algorithm',
    'ERR_HASH_SYNTAX',
    { outputHash: `sha256-${'A'.repeat(43)}=`, outputHashAlgo: 'md5' },
  ],
  ['output called drv', 'ERR_DERIVATION_INVALID', { outputs: ['drv'] }],
  ['line break in system', 'ERR_DERIVATION_INVALID', { system: 'a\nb' }],
] as [string, ErrorCode, object][]) {
  test(`refused: ${why}`, () => {
    refusal(code, () => createEvaluator().derivation({ name: 'x', builder: '/b', ...extra }));
  });
}

test('what is refused leaves nothing behind', () => {
  const { derivation } = createEvaluator();
  const dep = derivation({ name: 'dep', builder: '/b' });
  refusal('ERR_DERIVATION_INVALID', () =>
    derivation({ name: 'bad', builder: '/b', dep, oops: undefined as never }),
  );
  assert.deepEqual(
    evaluatedObjects(derivation({ name: 'good', builder: '/b', dep })).map(({ name }) => name),
    ['dep', 'good'],
  );
});

test('a text cannot refer to what has yet to be built', () => {
  const { derivation, toFile } = createEvaluator();
  const dep = derivation({ name: 'dep', builder: '/b' });
  for (const text of [`${dep}`, dep.drvPath]) refusal('ERR_DERIVATION_INVALID', () => toFile('x', text));
  refusal('ERR_NAME', () => toFile('a b', ''));
});

test('sources: what they are called, where they are, what they cannot be', () => {
  const { source } = createEvaluator();
  const [object] = evaluatedObjects(source(pathToFileURL(join(tree, 'run.sh'))));
  assert.ok(object?.kind === 'source');
  assert.deepEqual([object.name, object.hostPath], ['run.sh', join(tree, 'run.sh')]);
  assert.equal(`${source(tree)}`, `${source(`${tree}/.`)}`);
  refusal('ERR_FILE', () => source(join(tree, 'nothing')));
  refusal('ERR_NAME', () => source(join(tree, 'sub/a b')));
  const odd = new Error('mine');
  assert.throws(() => source(tree, { filter: () => assert.fail(odd) }), odd);

  const special = join(scratch, 'special');
  mkdirSync(special);
  execFileSync('mkfifo', [join(special, 'pipe')]);
  refusal('ERR_UNSUPPORTED_FILE', () => source(special));
  const types: string[] = [];
  source(special, {
    filter: (path, type) => {
      types.push(`${path.slice(special.length)} ${type}`);
      return false;
    },
  });
  assert.deepEqual(types, ['/pipe unknown']);
});

test('a filter sees parents first and nothing below what it refuses', () => {
  const { source } = createEvaluator();
  const seen: string[] = [];
  source(tree, {
    filter: (path, type) => {
      if (!path.startsWith(join(tree, 'sub/')) || path.includes('deep'))
        seen.push(`${path.slice(tree.length)} ${type}`);
      return !path.endsWith('/deep');
    },
  });
  assert.deepEqual(seen, [
    '/empty directory',
    '/empty-file regular',
    '/group-executable regular',
    '/link symlink',
    '/run.sh regular',
    '/skip directory',
    '/skip/left-out regular',
    '/sub directory',
    '/sub/deep directory',
  ]);
});

test('a file that cannot be read is named', {
  skip: process.getuid?.() === 0 ? 'root reads everything' : false,
}, () => {
  const secret = join(scratch, 'secret');
  writeFileSync(secret, 'x');
  chmodSync(secret, 0);
  const error = refusal('ERR_FILE', () => createEvaluator().source(secret));
  assert.ok(error.message.includes(secret));
});

test('a symlink given as source is the symlink', () => {
  const { source } = createEvaluator();
  symlinkSync('/nonexistent', join(scratch, 'dangling'));
  const [object] = evaluatedObjects(source(join(scratch, 'dangling')));
  assert.ok(object?.kind === 'source');
  assert.equal(object.narSize, 128);
});

test('a store directory is absolute and plain', () => {
  for (const storeDir of ['nix/store', '/nix/store/', '/nix/../store', '/', '']) {
    refusal('ERR_USAGE', () => createEvaluator({ storeDir }));
  }
});

test('what no evaluator made cannot be instantiated', () => {
  for (const value of [
    null,
    undefined,
    'x',
    Symbol('x'),
    {},
    Object.create(null),
    { drvPath: '/nix/store/x.drv' },
  ]) {
    refusal('ERR_MODULE', () => evaluatedObjects(value));
  }
});

function evaluated(value: object) {
  const object = evaluatedObjects(value).at(-1);
  assert.ok(object?.kind === 'derivation');
  return object.derivation;
}

function bytesOf(value: DerivationValue): Buffer {
  const object = evaluatedObjects(value).at(-1);
  assert.ok(object?.kind === 'derivation');
  return object.bytes;
}

function refusal(code: ErrorCode, run: () => unknown): AirplantError {
  try {
    run();
  } catch (error) {
    assert.ok(isAirplantError(error, code), String(error));
    return error;
  }
  assert.fail('accepted');
}
