import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { after, before, test } from 'node:test';
import { type BuildResult, type DerivationValue, derivation, openStore, type Store } from '../../ts/index.js';
import { compileFixture } from '../support/compile.js';
import { requires } from '../support/requires.js';
import { temporaryDirectory } from '../support/temporary.js';

// What neither mounts nor namespaces keep a builder from: the host looking where the builder points, and the parts of
// the kernel that go by user id or by nothing at all.
const needs = requires('user-namespaces', 'program:busybox', 'program:cc');
const directory = temporaryDirectory('escape-kernel');
let store: Store;
let attacker: string;

before(async () => {
  if (needs.skip) return;
  attacker = compileFixture('escape');
  store = await openStore({
    store: join(directory, 'root'),
    settings: { 'sandbox-paths': ['/bin/busybox', `/escape=${attacker}`] },
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
  test(`${what} replaced by a symlink to a directory of the host leads nobody there`, needs, async () => {
    const host = join(directory, `foreign-${what.length}`);
    const wanted = script('swap', swap(host));
    const place = join(host, what === 'its parent' ? 'store' : '.', basename(`${wanted}`));
    mkdirSync(place, { recursive: true });
    writeFileSync(join(place, 'file'), 'of the host');
    const { error } = await build(wanted);
    assert.ok(existsSync(join(place, 'file')), 'a path of the host was moved into the store');
    assert.notEqual(error, undefined);
    assert.ok(!store.local.isValid(`${wanted}`));
  });
}

test('a build is cancelled while a file of endless length is hashed', {
  ...needs,
  timeout: 60_000,
}, async () => {
  // Some forty seconds of hashing.
  const { status } = await build(script('sparse', 'bb truncate -s 40G $out'), AbortSignal.timeout(1500));
  assert.equal(status, 'Cancelled');
});

test('the keys of the caller are not the builder’s', needs, async () => {
  const name = `airplant-${process.pid}`;
  const keyring = execFileSync(attacker, ['make-key', name], { encoding: 'utf8' }).trim();
  try {
    const { log } = await build(script('keys', `/escape keys ${keyring} ${name}; echo > $out`));
    assert.match(log, /^link-keyring: E\w+\nfind-key: E\w+\nread-key: E\w+\n$/);
  } finally {
    execFileSync(attacker, ['drop-key', name]);
  }
});

test('no socket leads to the machine around this one', needs, async () => {
  const { log } = await build(script('vsock', '/escape vsock 1; /escape vsock 2; echo > $out'));
  // Refused when made, not answered by whoever is there.
  for (const line of log.trimEnd().split('\n'))
    assert.match(line, /^vsock: (EPERM|EACCES|EAFNOSUPPORT|ENODEV|EBADF)$/);
});
