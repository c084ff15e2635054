import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isAirplantError } from '../../ts/base/errors.js';
import { encodeText } from '../../ts/base/text.js';
import { printJson } from '../../ts/derivation/json-print.js';
import {
  JsonNumber,
  type JsonValue,
  jsonOffset,
  jsonPath,
  maxJsonDepth,
  parseJson,
  printDouble,
} from '../../ts/derivation/json-text.js';
import { uglyText } from './arbitrary.js';

test('reads what JSON.parse reads, and refuses what it refuses', () => {
  const text = fc.oneof(
    fc.json(),
    fc
      .array(fc.constantFrom(...'{}[]:,"\\ \n\t0123456789.eE+-ub', '"a"', 'true', 'null', '\\u00e9'))
      .map((parts) => parts.join('')),
  );
  fc.assert(
    fc.property(text, (json) => {
      let expected: unknown;
      try {
        // A number too large for a double is refused, as by Nix, where JSON.parse makes it infinite.
        expected = JSON.parse(json, (_, value: unknown) =>
          value === Infinity || value === -Infinity ? assert.fail() : value,
        );
      } catch {
        assert.throws(
          () => parseJson(json, 'x'),
          (error) => isAirplantError(error, 'ERR_DERIVATION_SYNTAX'),
        );
        return;
      }
      assert.equal(JSON.stringify(parseJson(json, 'x')), JSON.stringify(expected));
    }),
    { numRuns: 3000 },
  );
});

test('what is printed is read as the same value', () => {
  const { value } = fc.letrec<{ value: JsonValue }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      uglyText,
      fc.maxSafeInteger(),
      fc.boolean(),
      fc.constant(null),
      fc
        .constantFrom('9223372036854775807', '1.0', '-0', '1E5', '0.30000000000000000001')
        .map((literal) => new JsonNumber(literal)),
      fc.array(tie('value'), { maxLength: 4 }),
      fc.dictionary(uglyText, tie('value'), { maxKeys: 4 }),
    ),
  }));
  fc.assert(
    fc.property(value, fc.constantFrom(0, 2), (json, indent) => {
      const text = printJson(json, { indent });
      assert.equal(printJson(parseJson(text, 'x'), { indent }), text);
    }),
    { numRuns: 1000 },
  );
});

test('literals a number would change are kept, others are numbers', () => {
  for (const literal of ['1.0', '-0', '9007199254740993', '1e5', '0.00001', '1E-07']) {
    const value = parseJson(literal, 'x');
    assert.ok(value instanceof JsonNumber);
    assert.equal(printJson(value), literal);
  }
  for (const literal of ['0', '-1', '1.5', '9007199254740991', '1e-05', '1e+20']) {
    assert.equal(typeof parseJson(literal, 'x'), 'number');
    assert.equal(printJson(parseJson(literal, 'x')), literal);
  }
});

test('doubles are written as Nix writes them', () => {
  for (const [value, text] of [
    [1, '1.0'],
    [-0, '-0.0'],
    [123.456, '123.456'],
    [0.1 + 0.2, '0.30000000000000004'],
    [0.0001, '0.0001'],
    [0.00001, '1e-05'],
    [1.25e-7, '1.25e-07'],
    [1e14, '100000000000000.0'],
    [1e15, '1e+15'],
    [1e100, '1e+100'],
    [1.5e300, '1.5e+300'],
  ] as const) {
    assert.equal(printDouble(value), text);
  }
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) =>
      Object.is(Number(printDouble(value)), value),
    ),
  );
});

test('surrogates are read in pairs only', () => {
  assert.equal(parseJson('"\\ud83e\\udd89"', 'x'), '🦉');
  assert.equal(parseJson('"\\\\ud83e"', 'x'), '\\ud83e');
  assert.equal(parseJson('"\udcff"', 'x'), '\udcff', 'a byte that is not UTF-8');
  for (const text of ['"\\ud83e"', '"\\udcff"', '"\\udd89\\ud83e"', '"\\ud83e\\\\udd89"']) {
    assert.throws(
      () => parseJson(text, 'x'),
      (error) => isAirplantError(error),
    );
  }
});

test('nesting is bounded, keys are never prototypes, equal keys: the last wins', () => {
  assert.throws(
    () => parseJson('['.repeat(1_000_000), 'x'),
    (error) => isAirplantError(error),
  );
  parseJson('['.repeat(maxJsonDepth) + ']'.repeat(maxJsonDepth), 'x');
  const cyclic: JsonValue[] = [];
  cyclic.push(cyclic);
  assert.throws(
    () => printJson(cyclic),
    (error) => isAirplantError(error, 'ERR_DERIVATION_INVALID'),
  );
  assert.equal(printJson(parseJson('{"__proto__":{"a":1},"b":1,"b":2}', 'x')), '{"__proto__":{"a":1},"b":2}');
});

test('a value is found by its path, in bytes', () => {
  const text = ' {"é": [1, {"b c": "x"}], "d": {}, "d": 2}';
  const at = (path: string) => jsonOffset(text, path);
  const bytes = Buffer.from(text);
  assert.equal(at('$'), 1);
  assert.equal(at('$["é"]'), bytes.indexOf('['));
  assert.equal(at('$["é"][1]["b c"]'), bytes.indexOf('"x"'));
  assert.equal(at('$.d'), bytes.indexOf('2}'), 'of equal keys the last counts');
  assert.equal(at('$.e'), undefined);
  fc.assert(
    fc.property(fc.array(fc.oneof(uglyText, fc.nat(3)), { maxLength: 5 }), (keys) => {
      let value: JsonValue = 'here';
      let path = '';
      for (const key of [...keys].reverse()) {
        value = typeof key === 'number' ? [...Array(key).fill(null), value] : { [key.slice(0, 90)]: value };
      }
      for (const key of keys) path = jsonPath(path, typeof key === 'number' ? key : key.slice(0, 90));
      const printed = printJson(value);
      assert.equal(jsonOffset(printed, `$${path}`), Buffer.from(encodeText(printed)).lastIndexOf('"here"'));
    }),
  );
});
