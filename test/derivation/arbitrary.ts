import fc from 'fast-check';
import { compareText, decodeText } from '../../ts/base/text.js';
import type { Derivation, DerivationOutput, InputOutputs } from '../../ts/derivation/derivation.js';

/** Strings with everything that hurts: quotes, escapes, line breaks, surrogate pairs, bytes that are not UTF-8. */
export const uglyText: fc.Arbitrary<string> = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.uint8Array({ maxLength: 24 }).map(decodeText),
  fc
    .array(fc.constantFrom('"', '\\', '\n', '\r', '\t', '\\n', '),(', '[]', 'a', 'é', '🦉', '\udcff', '\0'))
    .map((parts) => parts.join('')),
);

const base32 = fc
  .array(fc.constantFrom(...'0123456789abcdfghijklmnpqrsvwxyz'), { minLength: 32, maxLength: 32 })
  .map((digits) => digits.join(''));

const storeName = fc
  .array(fc.constantFrom(...'abcXYZ019+-._?='), { minLength: 1, maxLength: 12 })
  .map((letters) => letters.join('').replace(/^\.+/, 'dot'));

const storePath = fc.tuple(base32, storeName).map(([hash, name]) => `/nix/store/${hash}-${name}`);
const drvPath = storePath.map((path) => `${path}.drv`);
const outputName = fc.oneof(fc.constantFrom('out', 'dev', 'lib'), storeName);
const method = fc.constantFrom('flat', 'nar', 'text', 'git');
const algorithm = fc.constantFrom('md5', 'sha1', 'sha256', 'sha512');

/** Ordinary objects, so that `deepEqual` finds them equal to what a parser makes. */
const plain = { noNullPrototype: true } as const;

const digestLengths = { md5: 16, sha1: 20, sha256: 32, sha512: 64 };

const hash = algorithm.chain((name) =>
  fc
    .uint8Array({ minLength: digestLengths[name], maxLength: digestLengths[name] })
    .map((digest) => ({ algorithm: name, hex: Buffer.from(digest).toString('hex') })),
);

const output: fc.Arbitrary<DerivationOutput> = fc.oneof(
  storePath.map((path) => ({ kind: 'input-addressed' as const, path })),
  fc.record({ kind: fc.constant('fixed' as const), path: storePath, method, hash }, plain),
  fc.record({ kind: fc.constant('floating' as const), method, algorithm }, plain),
  fc.constant({ kind: 'deferred' as const }),
  fc.record({ kind: fc.constant('impure' as const), method, algorithm }, plain),
);

const { input } = fc.letrec<{ input: InputOutputs }>((tie) => ({
  input: fc.record(
    {
      outputs: sortedSet(outputName),
      dynamic: fc.oneof(
        { maxDepth: 3, withCrossShrink: true },
        fc.constant(new Map<string, InputOutputs>()),
        sortedMap(outputName, tie('input')),
      ),
    },
    plain,
  ),
}));

/** Any derivation the ATerm can hold, well-formed or not as a build. */
export const arbitraryDerivation: fc.Arbitrary<Derivation> = fc.record(
  {
    name: storeName,
    outputs: sortedMap(outputName, output),
    inputDrvs: sortedMap(drvPath, input),
    inputSrcs: sortedSet(storePath),
    system: uglyText,
    builder: uglyText,
    args: fc.array(uglyText, { maxLength: 5 }),
    env: sortedMap(uglyText, uglyText),
  },
  plain,
);

function sortedMap<Value>(key: fc.Arbitrary<string>, value: fc.Arbitrary<Value>) {
  return fc
    .array(fc.tuple(key, value), { maxLength: 5 })
    .map((entries) => new Map([...new Map(entries)].sort(([a], [b]) => compareText(a, b))));
}

function sortedSet(item: fc.Arbitrary<string>) {
  return fc.array(item, { maxLength: 4 }).map((items) => [...new Set(items)].sort(compareText));
}
