import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { type DerivationValue, derivation, openStore } from '../../ts/index.js';
import { findProgram, requires } from '../support/requires.js';
import { temporaryDirectory } from '../support/temporary.js';

const needs = requires('user-namespaces', 'program:busybox');

/** The log of a script, built with the setting as given; busybox is at hand as `bb`, and so is the host's /usr. */
async function logOf(script: string, allowed: boolean): Promise<string> {
  await using store = await openStore({
    store: join(temporaryDirectory('nested'), 'root'),
    settings: {
      'sandbox-paths': ['/bin/busybox', '/usr', '/lib', '/lib64?'],
      'allow-nested-namespaces': allowed,
    },
  });
  const wanted = derivation({
    name: 'nested',
    system: 'x86_64-linux',
    builder: '/bin/busybox',
    args: ['sh', '-c', `bb() { /bin/busybox "$@"; }\n${script}\necho > $out`],
  } as Parameters<typeof derivation>[0]) as unknown as DerivationValue;
  const run = store.build([wanted]);
  let log = '';
  for await (const event of run) {
    if (event.type === 'build.log') log += Buffer.from(event.chunk).toString();
  }
  assert.equal((await run.result).results[0]?.error, undefined, log);
  return log;
}

test('a builder makes user, mount and process namespaces of its own, and mounts in them', needs, async () => {
  const inside = `/bin/busybox mount -t tmpfs none /tmp && echo tmpfs
    /bin/busybox mount -t proc none /proc && echo proc $$
    echo x > /tmp/x && /bin/busybox id -u`;
  const log = await logOf(`bb unshare -U -r -m -p -f /bin/busybox sh -c '${inside}'; bb ls /tmp`, true);
  assert.equal(log, 'tmpfs\nproc 1\n0\n');
});

test(
  'bubblewrap runs inside a build',
  requires('user-namespaces', 'program:busybox', 'program:bwrap'),
  async () => {
    const options =
      '--unshare-user --unshare-pid --unshare-net --unshare-ipc --unshare-uts ' +
      '--ro-bind / / --dev /dev --proc /proc --tmpfs /tmp --bind /build /build --uid 7';
    const log = await logOf(
      `${findProgram('bwrap')} ${options} /bin/busybox sh -c '
       /bin/busybox id -u; echo x > /build/made; (echo x > /nix/store/made) 2>/dev/null || echo refused'
     bb cat made`,
      true,
    );
    assert.equal(log, '7\nrefused\nx\n');
  },
);

test('with the setting off there is no user namespace to be had', needs, async () => {
  const attempts = `
    bb unshare -U echo made; bb unshare -U -r -m echo made
    bb unshare -m echo made; bb unshare -p -f echo made
    (echo 100 > /proc/sys/user/max_user_namespaces) 2>/dev/null && echo raised`;
  assert.deepEqual((await logOf(attempts, false)).trimEnd().split('\n'), [
    'unshare: unshare(0x10000000): No space left on device',
    'unshare: unshare(0x10020000): No space left on device',
    'unshare: unshare(0x20000): Operation not permitted',
    'unshare: unshare(0x20000000): Operation not permitted',
  ]);
});
