import assert from 'node:assert/strict';
import { test } from 'node:test';
import { idleRules } from '../../ts/build/idle-rules.js';
import type { Derivation } from '../../ts/derivation/derivation.js';

function rulesOf(attributes: object, structured = true): string[] {
  const env = structured
    ? new Map([['__json', JSON.stringify(attributes)]])
    : new Map(Object.entries(attributes) as [string, string][]);
  const outputs = new Map([['out', { kind: 'input-addressed', path: 'x' }]]);
  const derivation = { name: 'x', outputs, env } as unknown as Derivation;
  return idleRules('/nix/store/x.drv', derivation);
}

test('rules that have no effect are told, each once', () => {
  assert.deepEqual(
    rulesOf({
      allowedReferences: [],
      maxSize: 1,
      disallowedRequisites: null,
      outputChecks: { out: {}, lib: {} },
      unsafeDiscardReferences: { out: true, dev: true, '\u001b': true },
    }),
    [
      "'structuredAttrs' disables the effect of the top-level attribute 'allowedReferences' of '/nix/store/x.drv'; use 'outputChecks' instead",
      "'structuredAttrs' disables the effect of the top-level attribute 'maxSize' of '/nix/store/x.drv'; use 'outputChecks' instead",
      "'outputChecks' of '/nix/store/x.drv' names 'lib', which is none of its outputs",
      "'unsafeDiscardReferences' of '/nix/store/x.drv' names 'dev', which is none of its outputs",
      "'unsafeDiscardReferences' of '/nix/store/x.drv' names '\\x1b', which is none of its outputs",
    ],
  );
});

test('nothing is told of rules that have one', () => {
  assert.deepEqual(
    rulesOf({ outputChecks: { out: { maxSize: 1 } }, unsafeDiscardReferences: { out: true } }),
    [],
  );
  assert.deepEqual(rulesOf({ allowedReferences: '', disallowedRequisites: 'out' }, false), []);
});
