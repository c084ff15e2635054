import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { planBuild } from '../../ts/build/plan.js';
import type { Derivation } from '../../ts/derivation/derivation.js';

const storePath = (name: string) => `/nix/store/${'0'.repeat(32)}-${name}`;
const drvPath = (name: string) => storePath(`${name}.drv`);

interface Sketch {
  readonly needs?: Readonly<Record<string, readonly string[]>>;
  readonly outputs?: readonly string[];
  readonly sources?: readonly string[];
}

/** A store holding the sketched derivations, in which `valid` is valid as well. */
function storeOf(sketches: Readonly<Record<string, Sketch>>, valid: readonly string[] = []) {
  const drvs = new Map(
    Object.entries(sketches).map(([name, sketch]) => [drvPath(name), derivationOf(name, sketch)]),
  );
  const validPaths = new Set(valid);
  return {
    isValid: (path: string) => drvs.has(path) || validPaths.has(path),
    readDerivation: (path: string) => drvs.get(path)!,
  };
}

function derivationOf(name: string, { needs = {}, outputs = ['out'], sources = [] }: Sketch): Derivation {
  return {
    name,
    outputs: new Map(
      outputs.map((output) => [output, { kind: 'input-addressed', path: storePath(`${name}-${output}`) }]),
    ),
    inputDrvs: new Map(
      Object.entries(needs).map(([input, used]) => [drvPath(input), { outputs: used, dynamic: new Map() }]),
    ),
    inputSrcs: sources,
    system: 'x86_64-linux',
    builder: '/bin/sh',
    args: [],
    env: new Map(),
  };
}

const all = (name: string) => ({ kind: 'outputs', drvPath: drvPath(name), outputs: 'all' }) as const;
const diamond = {
  top: { needs: { left: ['out'], right: ['out'] } },
  left: { needs: { base: ['out'] } },
  right: { needs: { base: ['out'] } },
  base: {},
};

test('a diamond is built dependencies first, the shared step once', () => {
  const plan = planBuild([all('top')], storeOf(diamond));
  assert.deepEqual(
    plan.build.map(({ drvPath }) => drvPath),
    ['base', 'left', 'right', 'top'].map(drvPath),
  );
  assert.deepEqual(plan.build.at(-1)?.dependsOn, [drvPath('left'), drvPath('right')]);
});

test('what is valid is not built, nor what only it needs', () => {
  const plan = planBuild([all('top')], storeOf(diamond, [storePath('left-out'), storePath('right-out')]));
  assert.deepEqual(
    plan.build.map(({ drvPath }) => drvPath),
    [drvPath('top')],
  );
  assert.deepEqual(plan.build[0]?.dependsOn, []);
  assert.deepEqual(planBuild([all('top')], storeOf(diamond, [storePath('top-out')])).build, []);
});

test('only the used outputs of an input decide whether it is built', () => {
  const sketches = { user: { needs: { lib: ['dev'] } }, lib: { outputs: ['out', 'dev'] } };
  assert.deepEqual(planBuild([all('user')], storeOf(sketches, [storePath('lib-dev')])).build.length, 1);
  const plan = planBuild([all('user')], storeOf(sketches, [storePath('lib-out')]));
  assert.deepEqual(
    plan.build.map(({ missing }) => missing),
    [['dev'], ['out']],
  );
});

test('what is wanted of a derivation is all that anybody wants of it', () => {
  const sketches = {
    one: { needs: { lib: ['out', 'dev'] } },
    two: { needs: { lib: ['doc'] } },
    lib: { outputs: ['out', 'dev', 'doc', 'man'] },
  };
  const wantedOf = (...wanted: Parameters<typeof planBuild>[0]) =>
    planBuild(wanted, storeOf(sketches)).build.find((one) => one.drvPath === drvPath('lib'))?.wanted;
  assert.deepEqual(wantedOf(all('one'), all('two')), ['dev', 'doc', 'out']);
  assert.deepEqual(wantedOf(all('two')), ['doc']);
  assert.deepEqual(wantedOf(all('two'), all('lib')), 'all');
  assert.deepEqual(wantedOf(all('lib'), all('two')), 'all');
});

test('an input that is missing and has no derivation is unknown', () => {
  const plan = planBuild(
    [{ kind: 'path', path: storePath('x') }, all('a')],
    storeOf({ a: { sources: [storePath('src')] } }),
  );
  assert.deepEqual(plan.unknown, [storePath('x'), storePath('src')]);
});

test('an output that does not exist is refused by name', () => {
  assert.throws(
    () => planBuild([{ kind: 'outputs', drvPath: drvPath('base'), outputs: ['doc'] }], storeOf(diamond)),
    {
      code: 'ERR_DERIVATION_INVALID',
      message: /has no output 'doc'/,
    },
  );
});

test('a derivation that depends on itself is refused', () => {
  const store = storeOf({ a: { needs: { b: ['out'] } }, b: { needs: { a: ['out'] } } });
  assert.throws(() => planBuild([all('a')], store), {
    code: 'ERR_DERIVATION_INVALID',
    message: /depends on itself/,
  });
});

test('a chain of 20,000 derivations costs no stack', () => {
  const sketches: Record<string, Sketch> = { n0: {} };
  for (let i = 1; i < 20_000; i++) sketches[`n${i}`] = { needs: { [`n${i - 1}`]: ['out'] } };
  assert.equal(planBuild([all('n19999')], storeOf(sketches)).build.length, 20_000);
});

test('in any graph every build comes once, after all it depends on', () => {
  const graph = fc.array(fc.uniqueArray(fc.nat(30), { maxLength: 6 }), { minLength: 1, maxLength: 30 });
  fc.assert(
    fc.property(graph, (edges) => {
      const sketches = Object.fromEntries(
        edges.map((targets, node) => {
          const lower = targets
            .filter((target) => target < node)
            .map((target) => [`n${target}`, ['out']] as const);
          return [`n${node}`, { needs: Object.fromEntries(lower) }];
        }),
      );
      const { build } = planBuild(
        edges.map((_, node) => all(`n${node}`)),
        storeOf(sketches),
      );
      const place = new Map(build.map(({ drvPath }, index) => [drvPath, index]));
      assert.equal(place.size, edges.length);
      for (const [index, { dependsOn }] of build.entries()) {
        for (const dependency of dependsOn) assert.ok(place.get(dependency)! < index);
      }
    }),
  );
});

test('however many need a path, the store is asked for it once', () => {
  const names = Array.from({ length: 40 }, (_, index) => `d${index}`);
  const sketches = Object.fromEntries(
    names.map((name, index) => [
      name,
      {
        needs: Object.fromEntries(names.slice(0, index).map((below) => [below, ['out']])),
        sources: ['/src'],
      },
    ]),
  );
  const asked: string[] = [];
  const store = storeOf(sketches, ['/src', storePath('d3-out')]);
  const counting = {
    readDerivation: store.readDerivation,
    isValid: (path: string) => {
      asked.push(path);
      return store.isValid(path);
    },
  };
  assert.equal(planBuild([all('d39'), all('d20')], counting).build.length, 39);
  assert.equal(new Set(asked).size, asked.length);
});
