import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  type CheckedOutput,
  type CheckedPath,
  findViolations,
  type ResolvedChecks,
  resolveOutputChecks,
} from '../../ts/build/output-checks.js';
import type { Derivation } from '../../ts/derivation/derivation.js';
import type { OutputChecks } from '../../ts/derivation/options.js';
import { somePath } from '../support/stores.js';

const anything: ResolvedChecks = {
  allowedReferences: undefined,
  allowedRequisites: undefined,
  disallowedReferences: undefined,
  disallowedRequisites: undefined,
  ignoreSelfRefs: false,
  maxSize: undefined,
  maxClosureSize: undefined,
};
const out = somePath('1', 'out');
const lib = somePath('2', 'lib');
const libc = somePath('3', 'libc');
const gcc = somePath('4', 'gcc');

/** gcc → libc; lib is a new output that refers to libc, out one that refers to lib and itself. */
const valid: Readonly<Record<string, CheckedPath>> = {
  [libc]: { narSize: 1000, references: [libc] },
  [gcc]: { narSize: 10_000, references: [libc] },
};
const outputs: readonly CheckedOutput[] = [
  { name: 'lib', path: lib, narSize: 10, references: [libc] },
  { name: 'out', path: out, narSize: 100, references: [lib, out] },
];

function violations(checks: Partial<ResolvedChecks>, output = 'out') {
  const all = new Map([[output, { ...anything, ...checks }]]);
  return findViolations(outputs, all, (path) => valid[path] ?? assert.fail(`looked at ${path}`));
}

const cases: readonly (readonly [string, Partial<ResolvedChecks>, readonly string[] | undefined])[] = [
  ['anything', {}, undefined],
  ['direct references, itself among them', { allowedReferences: new Set([lib, out]) }, undefined],
  ['itself not allowed', { allowedReferences: new Set([lib]) }, [out]],
  [
    'itself not allowed, but ignored for requisites only',
    { allowedReferences: new Set([lib]), ignoreSelfRefs: true },
    [out],
  ],
  ['nothing allowed', { allowedReferences: new Set() }, [out, lib]],
  ['a requisite through a new output', { allowedRequisites: new Set([lib, out]) }, [libc]],
  ['all requisites', { allowedRequisites: new Set([lib, out, libc]) }, undefined],
  ['itself as a requisite', { allowedRequisites: new Set([lib, libc]) }, [out]],
  [
    'itself as a requisite, ignored',
    { allowedRequisites: new Set([lib, libc]), ignoreSelfRefs: true },
    undefined,
  ],
  ['a disallowed reference', { disallowedReferences: new Set([lib, gcc]) }, [lib]],
  ['a disallowed requisite that is no reference', { disallowedReferences: new Set([libc]) }, undefined],
  ['a disallowed requisite', { disallowedRequisites: new Set([libc, gcc]) }, [libc]],
  ['itself disallowed, ignored', { disallowedRequisites: new Set([out]), ignoreSelfRefs: true }, undefined],
  ['itself disallowed', { disallowedRequisites: new Set([out]) }, [out]],
];
for (const [what, checks, paths] of cases) {
  test(`references: ${what}`, () => {
    const found = violations(checks);
    assert.deepEqual(
      found.map((one) => [one.output, Object.keys(checks)[0] === one.rule, one.paths]),
      paths ? [['out', true, paths]] : [],
    );
    if (!paths) return;
    assert.equal(
      found[0]!.message,
      `output '${out}' is not allowed to refer to the following paths:${paths.map((path) => `\n  ${path}`).join('')}`,
    );
  });
}

test('sizes: the limit itself is kept, a byte more is not', () => {
  assert.deepEqual(violations({ maxSize: 100, maxClosureSize: 1110 }), []);
  assert.deepEqual(
    violations({ maxSize: 99, maxClosureSize: 1109 }).map(({ message }) => message),
    [
      `path '${out}' is too large at 100 bytes; limit is 99 bytes`,
      `closure of path '${out}' is too large at 1110 bytes; limit is 1109 bytes`,
    ],
  );
  assert.deepEqual(violations({ maxSize: 0 }).length, 1);
});

test('all violations are told, and no output is judged by the checks of another', () => {
  const everything = {
    allowedReferences: new Set<string>(),
    allowedRequisites: new Set<string>(),
    disallowedReferences: new Set([lib]),
    disallowedRequisites: new Set([libc]),
    maxSize: 1,
    maxClosureSize: 1,
  };
  assert.deepEqual(
    violations(everything).map(({ rule }) => rule),
    [
      ...['maxSize', 'maxClosureSize', 'allowedReferences', 'allowedRequisites'],
      ...['disallowedReferences', 'disallowedRequisites'],
    ],
  );
  assert.deepEqual(violations(everything, 'dev'), []);
  const both = new Map(['lib', 'out'].map((name) => [name, { ...anything, maxSize: 1 }]));
  assert.deepEqual(
    findViolations(outputs, both, (path) => valid[path]!).map(({ output }) => output),
    ['lib', 'out'],
  );
});

test('what is no requisite is not looked at', () => {
  assert.deepEqual(violations({ disallowedReferences: new Set([gcc]), disallowedRequisites: new Set() }), []);
});

test('requisites are what can be reached, over any graph', () => {
  const names = ['a', 'b', 'c', 'd', 'e', 'f'];
  const edges = fc.array(fc.tuple(fc.constantFrom(...names), fc.constantFrom(...names)), { maxLength: 20 });
  fc.assert(
    fc.property(edges, fc.subarray(names), fc.subarray(names), fc.boolean(), (graph, allowed, fresh, own) => {
      const facts = (path: string): CheckedPath => ({
        narSize: path.charCodeAt(0),
        references: graph.filter(([from]) => from === path).map(([, to]) => to),
      });
      // Reachability the slow way: matrix multiplication until nothing changes.
      let reached = new Set(['a']);
      for (let size = 0; size !== reached.size; ) {
        size = reached.size;
        reached = new Set([...reached, ...graph.filter(([from]) => reached.has(from)).map(([, to]) => to)]);
      }
      const made = [...new Set(['a', ...fresh])].map((path) => ({ name: path, path, ...facts(path) }));
      const size = [...reached].reduce((sum, path) => sum + path.charCodeAt(0), 0);
      const checks = {
        ...anything,
        allowedRequisites: new Set(allowed),
        ignoreSelfRefs: own,
        maxClosureSize: size - 1,
      };
      const bad = [...reached].filter((path) => !allowed.includes(path) && !(own && path === 'a')).sort();
      const found = findViolations(made, new Map([['a', checks]]), facts);
      assert.deepEqual(
        found.map(({ rule, paths }) => [rule, paths]),
        [['maxClosureSize', []], ...(bad.length > 0 ? [['allowedRequisites', bad]] : [])],
      );
      assert.deepEqual(
        findViolations(made, new Map([['a', { ...anything, maxClosureSize: size }]]), facts),
        [],
      );
    }),
  );
});

test('names become paths; what is neither is refused with what there is', () => {
  const drvPath = somePath('5', 'x.drv');
  const paths = { dev: somePath('6'), out };
  const derivation = {
    outputs: new Map(Object.entries(paths).map(([name, path]) => [name, { kind: 'input-addressed', path }])),
  } as unknown as Derivation;
  const checks = (more: Partial<OutputChecks>) =>
    new Map([
      ['out', { ...anything, disallowedReferences: [], disallowedRequisites: [], ...more } as OutputChecks],
    ]);
  const resolved = resolveOutputChecks(
    drvPath,
    derivation,
    checks({ allowedReferences: ['dev', libc], disallowedRequisites: ['out'] }),
  ).get('out')!;
  assert.deepEqual(resolved.allowedReferences, new Set([paths.dev, libc]));
  assert.deepEqual(resolved.disallowedRequisites, new Set([out]));
  assert.equal(resolved.allowedRequisites, undefined);
  const idle = new Map([['lib', checks({ allowedReferences: ['nonsense'] }).get('out')!]]);
  assert.deepEqual(resolveOutputChecks(drvPath, derivation, idle), new Map());
  for (const wrong of ['lib', '', `${libc}/include`, '/nix/store', 'toString', '\x1b[31m']) {
    assert.throws(
      () => resolveOutputChecks(drvPath, derivation, checks({ disallowedReferences: ['out', wrong] })),
      ({ code, message, hint }) => {
        assert.equal(code, 'ERR_DERIVATION_INVALID');
        assert.match(message, /illegal reference specifier '.*' in 'disallowedReferences' of output 'out'$/);
        assert.doesNotMatch(message, /[\x00-\x1f]/);
        assert.match(hint, /dev, out/);
        return true;
      },
    );
  }
});
