import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { after, before, test } from 'node:test';
import { type BuildResult, type DerivationValue, derivation, openStore, type Store } from '../../ts/index.js';
import { requires } from '../support/requires.js';
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

function script(name: string, text: string): DerivationValue {
  return derivation({
    name,
    system: 'x86_64-linux',
    builder: '/bin/busybox',
    args: ['sh', '-c', `bb() { /bin/busybox "$@"; }\n${text}`],
  } as Parameters<typeof derivation>[0]);
}

async function build(wanted: DerivationValue, signal?: AbortSignal): Promise<BuildResult & { log: string }> {
  const run = store.build([wanted], signal ? { signal } : {});
  let log = '';
  for await (const event of run) {
    if (event.type === 'build.log') log += Buffer.from(event.chunk).toString();
  }
  return { ...(await run.result).results[0]!, log };
}

const swaps: Readonly<Record<string, (host: string) => string>> = {
  'the store directory': (host) => `bb mv /nix/store /nix/old; bb ln -s ${host} /nix/store`,
  'its parent': (host) => `bb mv /nix /old; bb ln -s ${host} /nix`,
};
for (const [what, swap] of Object.entries(swaps)) {
  test(`${what} cannot be replaced by a symlink, and nobody looks through it`, needs, async () => {
    const host = join(directory, `foreign-${what.length}`);
    const wanted = script('swap', `${swap(host)}; echo own > $out`);
    const place = join(host, what === 'its parent' ? 'store' : '.', basename(`${wanted}`));
    mkdirSync(place, { recursive: true });
    writeFileSync(join(place, 'file'), 'of the host');
    const { error, log } = await build(wanted);
    assert.ok(existsSync(join(place, 'file')), 'a path of the host was moved into the store');
    assert.equal(error, undefined, log);
    assert.match(log, /Read-only file system|Device or resource busy/);
    assert.equal(readFileSync(store.local.realPath(`${wanted}`), 'utf8'), 'own\n');
  });
}
