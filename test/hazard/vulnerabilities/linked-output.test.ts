import assert from 'node:assert/strict';
import { lstatSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { openStore } from '../../../ts/index.js';
import { requires } from '../../support/requires.js';
import { buildLogged } from '../../support/scripts.js';
import { temporaryDirectory } from '../../support/temporary.js';
import { attack, canary } from './hostile-builds.js';

// In a store that lies where its paths say: there, builds can be made outside the sandbox.
const needs = requires('user-namespaces', 'program:busybox');
const directory = temporaryDirectory('linked-output');
process.env['NIX_STORE_DIR'] = join(directory, 'in-place', 'store');

test('Nix 1.4: a file of the host that is linked into an output stays as it was', needs, async () => {
  const { place, file, intact } = canary(directory);
  {
    // Sealed, even a path that may be written to is a mount of its own.
    await using store = await openStore({
      settings: { 'sandbox-paths': ['/bin/busybox'], 'writable-sandbox-paths': [`/host=${place}`] },
    });
    const links =
      'bb ln /host/file $out && echo linked; bb mkdir $out; bb ln /host/file $out/x && echo linked';
    const { log } = await buildLogged(store, attack(`${links}; exit 1`));
    assert.match(log, /cross-device link.*cross-device link/is);
    assert.doesNotMatch(log, /linked$/m);
    intact();
  }

  // Outside the sandbox nothing stops the link.
  await using store = await openStore({ settings: { sandbox: false } });
  const wanted = attack(`bb mkdir $out; bb ln ${file} $out/x; bb stat -c %h $out/x`);
  const { log, error } = await buildLogged(store, wanted);
  assert.equal(error, undefined, log);
  assert.equal(log, '2\n', 'the control: it is one file under two names');
  const registered = lstatSync(join(`${wanted}`, 'x'));
  assert.equal(registered.mode & 0o7777, 0o444);
  assert.notEqual(registered.ino, statSync(file).ino);
  intact();
});
