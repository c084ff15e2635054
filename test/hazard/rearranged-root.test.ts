import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { after, before, test } from 'node:test';
import { openStore, type Store } from '../../ts/index.js';
import { requires } from '../support/requires.js';
import { buildLogged, scriptDerivation } from '../support/scripts.js';
import { temporaryDirectory } from '../support/temporary.js';

// The builder owns its root and, were that not read-only, could put a symlink wherever the host might look afterwards.
const needs = requires('user-namespaces', 'program:busybox');
const directory = temporaryDirectory('rearranged-root');
let store: Store;

before(async () => {
  if (needs.skip) return;
  store = await openStore({
    store: join(directory, 'root'),
    settings: { 'sandbox-paths': ['/bin/busybox'] },
  });
});
after(() => store?.close());

const swaps: Readonly<Record<string, (host: string) => string>> = {
  'the store directory': (host) => `bb mv /nix/store /nix/old; bb ln -s ${host} /nix/store`,
  'its parent': (host) => `bb mv /nix /old; bb ln -s ${host} /nix`,
};
for (const [what, swap] of Object.entries(swaps)) {
  test(`${what} cannot be replaced by a symlink, and nobody looks through it`, needs, async () => {
    const host = join(directory, `foreign-${what.length}`);
    const wanted = scriptDerivation('swap', `${swap(host)}; echo own > $out`);
    const place = join(host, what === 'its parent' ? 'store' : '.', basename(`${wanted}`));
    mkdirSync(place, { recursive: true });
    writeFileSync(join(place, 'file'), 'of the host');
    const { error, log } = await buildLogged(store, wanted);
    assert.ok(existsSync(join(place, 'file')), 'a path of the host was moved into the store');
    assert.equal(error, undefined, log);
    assert.match(log, /Read-only file system|Device or resource busy/);
    assert.equal(readFileSync(store.local.realPath(`${wanted}`), 'utf8'), 'own\n');
  });
}
