import assert from 'node:assert/strict';
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type DerivationValue, openStore, type Store, source } from '../../ts/index.js';
import { native } from '../../ts/native.js';
import { requires } from '../support/requires.js';
import { buildLogged, leftoversIn, scriptDerivation } from '../support/scripts.js';
import { temporaryDirectory } from '../support/temporary.js';

// Outputs that are not there, are too many, or are something else already.
const needs = requires('user-namespaces', 'program:busybox');
const directory = temporaryDirectory('odd-outputs');
const shared = join(directory, 'shared');
let store: Store;

before(async () => {
  if (needs.skip) return;
  mkdirSync(shared);
  store = await openStore({
    store: join(directory, 'root'),
    settings: { 'sandbox-paths': ['/bin/busybox'], 'writable-sandbox-paths': [`/shared=${shared}`] },
  });
});
after(() => store?.close());

test('O8: an output that was not made fails the build', needs, async () => {
  const outputs = { outputs: ['out', 'other'] };
  for (const made of ['out', 'other']) {
    const lacking = scriptDerivation(`lacking-${made}`, `echo > $${made}`, outputs);
    const { error, status } = await buildLogged(store, lacking);
    assert.equal(error?.code, 'ERR_OUTPUT_MISSING');
    assert.match(error.message, new RegExp(`output '${made === 'out' ? 'other' : 'out'}'`));
    assert.notEqual(status, 'Built');
    // Nor is the one that was made kept.
    const kept = readdirSync(store.local.directories.realStoreDir).filter((name) =>
      name.includes('-lacking-'),
    );
    assert.deepEqual(
      kept.filter((name) => !/\.(drv|lock)$/.test(name)),
      [],
    );
  }
  assert.deepEqual(leftoversIn(store), []);
});

test('O8: what nobody declared is thrown away', needs, async () => {
  const other = '00000000000000000000000000000000-undeclared';
  const text = `for place in $out /nix/store/${other} $out-more /build/more /tmp/more /shared/more; do echo x > $place; done`;
  const { error, outputs } = await buildLogged(store, scriptDerivation('more', text));
  assert.equal(error, undefined);
  const { realStoreDir } = store.local.directories;
  assert.ok(!existsSync(join(realStoreDir, other)));
  assert.ok(!existsSync(`${store.local.realPath(outputs['out']!)}-more`));
  assert.deepEqual(leftoversIn(store), []);
  assert.ok(existsSync(join(shared, 'more')), 'the control: where it may leave things, it does');
});

test('O8: an output may be a file', needs, async () => {
  const { outputs, error, log } = await buildLogged(
    store,
    scriptDerivation('files', 'echo x > $out; echo y > $run; bb chmod 755 $run', { outputs: ['out', 'run'] }),
  );
  assert.equal(error, undefined, log);
  for (const [name, mode] of [
    ['out', 0o100444],
    ['run', 0o100555],
  ] as const) {
    assert.equal(lstatSync(store.local.realPath(outputs[name]!)).mode, mode);
  }
});

test('O8: an output that is one of its inputs is left as it is', needs, async () => {
  const file = join(directory, 'same');
  writeFileSync(file, 'original\n');
  const input = source(file, { name: 'same' });
  const { hash } = await native.hashTree(file, []);
  // A fixed output has the path that its contents have as a source.
  const fixed = (text: string) =>
    scriptDerivation('same', text, { input, outputHash: `sha256:${hash}`, outputHashMode: 'recursive' });
  const wanted = fixed('echo ran; echo changed > $input; echo original > $out');
  assert.equal(`${wanted}`, `${input}`);
  const { error, log, outputs } = await buildLogged(store, wanted);
  assert.equal(error, undefined);
  assert.equal(log, '', 'it is valid already');
  const path = store.local.realPath(outputs['out']!);
  assert.equal(readFileSync(path, 'utf8'), 'original\n');
  // Built again it has the path to itself, and what it does there changes nothing.
  const checked = async (one: DerivationValue) => (await store.check([one]).result).results[0]!;
  assert.equal((await checked(wanted)).status, 'Same');
  assert.equal((await checked(fixed('echo changed > $out'))).error?.code, 'ERR_HASH_MISMATCH');
  assert.equal(readFileSync(path, 'utf8'), 'original\n');
});
