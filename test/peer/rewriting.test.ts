import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseContentAddress } from '../../ts/formats/content-address.js';
import { makeScratchPath } from '../../ts/formats/make-store-path.js';
import { parseStorePath } from '../../ts/formats/store-path.js';
import { openStore } from '../../ts/index.js';
import { native } from '../../ts/native.js';
import { RealNix } from '../support/nix.js';
import { requires } from '../support/requires.js';
import { buildLogged, scriptDerivation } from '../support/scripts.js';
import { temporaryDirectory } from '../support/temporary.js';

// Rewriting by us and by the real Nix: builds outside the sandbox in one store, and hashes modulo self-references.
const needs = requires('user-namespaces', 'program:nix-store', 'program:nix-instantiate', 'program:busybox');
const directory = temporaryDirectory('rewriting');
const storeDir = join(directory, 'in-place', 'store');
process.env['NIX_STORE_DIR'] = storeDir;

/** Every output names itself and those made before it: in contents, in a target and in the name of a file. */
const everywhere = `set -eu
  echo "$dev"
  for path in $dev $lib $out; do
    before="\${before:-} $path"
    bb mkdir $path
    echo "$before" > $path/text
    for to in $before; do
      bb ln -s $to/text $path/to-\${to##*-}
      echo named > $path/for-\${to##*/}
    done
  done`;

function nixStore(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  const home = join(directory, 'home');
  mkdirSync(home, { recursive: true });
  const state = join(directory, 'in-place', 'var');
  return spawnSync('nix-store', args, {
    encoding: 'utf8',
    env: {
      PATH: process.env['PATH'],
      HOME: home,
      NIX_CONF_DIR: home,
      NIX_STORE_DIR: storeDir,
      NIX_STATE_DIR: join(state, 'nix'),
      NIX_LOG_DIR: join(state, 'log/nix'),
      NIX_CONFIG: 'sandbox = false\nsubstitute = false\nbuild-users-group =\n',
    },
  });
}

function nix(...args: string[]): string {
  const { status, stdout, stderr } = nixStore(...args);
  assert.equal(status, 0, stderr);
  return stdout.trimEnd();
}

test(
  'a real Nix tells builders the same paths, makes the same and finds ours reproduced',
  needs,
  async () => {
    const wanted = scriptDerivation('everywhere', everywhere, { outputs: ['out', 'dev', 'lib'] });
    const { drvPath } = wanted;
    const [out, dev, lib] = ['out', 'dev', 'lib'].map((name) => wanted.outputs[name]!.outPath);
    const build = async () => {
      await using store = await openStore({ settings: { sandbox: false } });
      const { error, log } = await buildLogged(store, wanted);
      assert.equal(error, undefined);
      return log;
    };
    const told = `${makeScratchPath(storeDir, { drvPath, path: dev! })}\n`;
    assert.equal(await build(), `${dev}\n`);
    const hashes = nix('--query', '--hash', out!, dev!, lib!);

    for (const missing of [[out!], [out!, lib!]]) {
      for (const path of missing) nix('--delete', path);
      assert.equal(await build(), told);
      assert.equal(nix('--query', '--hash', out!, dev!, lib!), hashes);
      for (const path of missing) nix('--delete', path);
      const { status, stderr } = nixStore('--realise', drvPath);
      assert.equal(status, 0, stderr);
      assert.ok(stderr.includes(told), stderr);
      assert.equal(nix('--query', '--hash', out!, dev!, lib!), hashes);
    }

    nix('--delete', out!);
    await build();
    const { status, stderr } = nixStore('--realise', '--check', drvPath);
    assert.equal(status, 0, stderr);
    nix('--verify', '--check-contents');
  },
);

test('the hash modulo is the content address a real Nix gives what refers to itself', needs, async () => {
  const theirs = new RealNix(directory, join(directory, 'theirs'));
  const expression = join(directory, 'self.nix');
  writeFileSync(
    expression,
    `derivation {
      name = "self";
      system = builtins.currentSystem;
      builder = "/bin/busybox";
      args = [ "sh" "-euc" ''
        bb() { /bin/busybox "$@"; }
        bb mkdir $out
        bb head -c 131050 /dev/zero > $out/large
        for i in 1 2 3; do echo "$out $i" >> $out/large; done
        bb ln -s $out/large $out/link
        echo named > $out/for-\${"$"}{out##*/}
      '' ];
      __contentAddressed = true;
      outputHashMode = "recursive";
      outputHashAlgo = "sha256";
    }`,
  );
  const features = ['--extra-experimental-features', 'ca-derivations nix-command'];
  const drvPath = theirs.run('nix-instantiate', ...features, expression);
  const path = theirs.run('nix-store', ...features, '--realise', drvPath);
  const [info] = JSON.parse(theirs.run('nix', ...features, 'path-info', '--json', path)) as { ca: string }[];
  const real = join(theirs.store, path);
  const { hashPart } = parseStorePath('/nix/store', path);
  const { hash } = await native.hashTree(real, [], { modulo: hashPart });
  assert.equal(hash, parseContentAddress(info!.ca).hash.hex);
  assert.notEqual(hash, (await native.hashTree(real, [])).hash);

  // So it vouches for itself: no signature is asked for.
  const uri = (root: string) => `local?root=${root}&store=/nix/store`;
  const settings = { substituters: [uri(theirs.store)], 'require-sigs': true };
  await using store = await openStore({ store: uri(join(directory, 'ours')), settings });
  const { results } = await store.build([path]).result;
  assert.equal(results[0]!.error, undefined);
  assert.equal(store.local.pathInfo(path)!.contentAddress, info!.ca);
});
