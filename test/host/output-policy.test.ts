import assert from 'node:assert/strict';
import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Attempt, BuildRequest } from '../../ts/build/records.js';
import { settleOutputs } from '../../ts/build/settle.js';
import type { Derivation } from '../../ts/derivation/derivation.js';
import { openStore, type Store } from '../../ts/index.js';
import { requires } from '../support/requires.js';
import { buildLogged, leftoversIn, scriptDerivation } from '../support/scripts.js';
import { somePath } from '../support/stores.js';
import { temporaryDirectory } from '../support/temporary.js';

// What airplant tells beyond Nix of outputs it refuses; what is the same is in test/peer/table.
const needs = requires('user-namespaces', 'program:busybox');

async function freshStore(): Promise<Store> {
  const settings = { system: 'x86_64-linux', 'sandbox-paths': ['/bin/busybox'] };
  return await openStore({ store: join(temporaryDirectory('policy'), 'root'), settings });
}

test('every broken rule is told, with the files that hold the references', needs, async () => {
  await using store = await freshStore();
  const dep = scriptDerivation('dep', 'echo > $out');
  const wanted = scriptDerivation('strict', 'bb mkdir -p $out/lib; echo $dep > $out/lib/a; echo > $dev', {
    outputs: ['out', 'dev'],
    dep,
    allowedReferences: [],
    disallowedRequisites: [dep],
  });
  const { status, error } = await buildLogged(store, wanted);
  assert.equal(status, 'OutputRejected');
  assert.equal(error?.code, 'ERR_OUTPUT_REJECTED');
  // Two rules say the same of the same paths.
  assert.equal(error.message, `output '${wanted}' is not allowed to refer to the following paths:\n  ${dep}`);
  assert.equal(
    error.hint,
    "The derivation sets 'allowedReferences' of output 'out', 'disallowedRequisites' of output 'out'. " +
      "Output 'out' refers to 'dep' in 'lib/a'.",
  );
  assert.deepEqual(leftoversIn(store), []);
});

test('the files that make a circle of outputs are named', needs, async () => {
  await using store = await freshStore();
  const script = 'bb mkdir $out $dev; bb ln -s $dev $out/link; echo $lib > $dev/b; echo $out > $lib';
  const wanted = scriptDerivation('circle', script, { outputs: ['out', 'dev', 'lib'] });
  const { status, error } = await buildLogged(store, wanted);
  assert.equal(status, 'OutputRejected');
  assert.match(
    error!.message,
    /^cycle detected in build of '.*' in the references of output 'dev' from output 'out'$/,
  );
  assert.match(
    error!.hint,
    /: 'dev' refers to 'lib' in 'b'; 'lib' refers to 'out' in '\.'; 'out' refers to 'dev' in 'link'\.$/,
  );
  assert.deepEqual(leftoversIn(store), []);
});

test('a rule that names nothing is told before anything is built', needs, async () => {
  await using store = await freshStore();
  const wanted = scriptDerivation('unclear', 'echo begun; echo > $out', { allowedReferences: ['lib'] });
  const { status, error, log } = await buildLogged(store, wanted);
  assert.equal(status, 'InputRejected');
  assert.equal(error?.code, 'ERR_DERIVATION_INVALID');
  assert.match(error.message, /illegal reference specifier 'lib' in 'allowedReferences' of output 'out'$/);
  assert.equal(log, '');
});

/** Settles `out` as if a builder had left it at `source`. */
async function settleFile(source: string, discardReferences: readonly string[] = []) {
  const [out, input] = [somePath('1', 'x'), somePath('2', 'input')];
  const derivation = { outputs: new Map([['out', { kind: 'input-addressed', path: out }]]) };
  const request = {
    network: 'none',
    hostPaths: [],
    inputs: [input],
    outputs: [{ name: 'out', scratchPath: out }],
  };
  const job = {
    drvPath: somePath('3', 'x.drv'),
    derivation: derivation as unknown as Derivation,
    request: request as unknown as BuildRequest,
    missing: ['out'],
    discardReferences: new Set(discardReferences),
    privateDirectory: '/nowhere',
    signal: new AbortController().signal,
    caseHack: false,
  };
  const attempt = { outputs: new Map([['out', source]]) } as unknown as Attempt;
  return { input, ...(await settleOutputs(job, attempt, '/nix/store')) };
}

test('references that are to be discarded are not looked for', async () => {
  const directory = temporaryDirectory('policy');
  mkdirSync(join(directory, 'out'));
  writeFileSync(join(directory, 'out', 'file'), somePath('2', 'input'));
  const kept = await settleFile(join(directory, 'out'));
  assert.deepEqual(kept.outputs[0]!.references, [kept.input]);
  assert.deepEqual((await settleFile(join(directory, 'out'), ['dev'])).outputs[0]!.references, [kept.input]);
  const { outputs } = await settleFile(join(directory, 'out'), ['out']);
  assert.deepEqual(outputs[0]!.references, []);
  assert.deepEqual(outputs[0]!.narHash, kept.outputs[0]!.narHash);
});

test("an output of somebody else's is refused", {
  skip: process.getuid?.() === 0 && 'root owns it',
}, async () => {
  const foreign = '/etc/passwd';
  assert.notEqual(statSync(foreign).uid, process.getuid!());
  await assert.rejects(settleFile(foreign), {
    code: 'ERR_OUTPUT_REJECTED',
    message: `suspicious ownership or permission on '${foreign}' for output 'out'; rejecting this build output`,
  });
});
