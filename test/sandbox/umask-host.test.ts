import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type DerivationValue, derivation, openStore } from '../../ts/index.js';
import { requires } from '../support/requires.js';
import { temporaryDirectory } from '../support/temporary.js';

// Before the launcher is started, which inherits it.
process.umask(0o077);

test(
  'a builder finds the same modes whatever the umask of its caller',
  requires('user-namespaces', 'program:busybox'),
  async () => {
    await using store = await openStore({
      store: join(temporaryDirectory('umask'), 'root'),
      settings: { 'sandbox-paths': ['/bin/busybox'] },
    });
    const paths = '/ /bin /dev /etc /etc/group /etc/hosts /etc/passwd /nix /nix/store /build /tmp /dev/shm';
    const lister = derivation({
      name: 'modes',
      system: 'x86_64-linux',
      builder: '/bin/busybox',
      args: ['sh', '-c', `umask > $out; /bin/busybox stat -c '%n %a' ${paths} >> $out`],
    } as Parameters<typeof derivation>[0]) as unknown as DerivationValue;
    const { results } = await store.build([lister]).result;
    assert.equal(results[0]?.error, undefined);
    assert.equal(
      readFileSync(store.local.realPath(`${lister}`), 'utf8'),
      [
        '0022',
        '/ 750',
        '/bin 755',
        '/dev 755',
        '/etc 755',
        '/etc/group 644',
        '/etc/hosts 644',
        '/etc/passwd 644',
        '/nix 755',
        '/nix/store 1775',
        '/build 700',
        '/tmp 1777',
        '/dev/shm 1777',
        '',
      ].join('\n'),
    );
  },
);
