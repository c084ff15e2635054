import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { openStore } from '../../ts/index.js';
import { damage } from '../support/damage.js';
import { requires } from '../support/requires.js';
import { leftoversIn, scriptDerivation } from '../support/scripts.js';
import { temporaryDirectory } from '../support/temporary.js';

// Repairs of what is built outside the sandbox: the builder never writes to a path that is registered.
const needs = requires('user-namespaces', 'program:busybox');
const directory = temporaryDirectory('repair-unsealed');
process.env['NIX_STORE_DIR'] = join(directory, 'store');
const settings = { 'sandbox-paths': ['/bin/busybox'], sandbox: false } as const;

for (const how of ['a flipped bit', 'a path that is gone']) {
  test(`${how}: built again beside the old contents`, needs, async () => {
    await using store = await openStore({ settings });
    const name = `unsealed-${how.replaceAll(' ', '-')}`;
    const wanted = scriptDerivation(name, 'echo "this is $out" > $out; echo doc > $doc', {
      outputs: ['out', 'doc'],
    });
    assert.equal((await store.build([wanted]).result).exitStatus, 0);
    const before = store.local.pathInfo(wanted.outPath);
    await damage(store.local, wanted.outPath, how);
    const { repaired, results, exitStatus } = await store.build([wanted], { repair: true }).result;
    assert.deepEqual(results[0]!.error, undefined);
    assert.deepEqual([repaired, exitStatus], [[wanted.outPath], 0]);
    assert.deepEqual(store.local.pathInfo(wanted.outPath), before);
    assert.deepEqual(await store.local.verifyPath(wanted.outPath), { kind: 'good' });
    assert.equal(readFileSync(store.local.realPath(wanted.outPath), 'utf8'), `this is ${wanted.outPath}\n`);
    assert.deepEqual(leftoversIn(store), []);
  });
}
