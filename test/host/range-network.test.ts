import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { openStore } from '../../ts/index.js';
import { fixedContent, fixedScript } from '../support/fixed-script.js';
import { requires } from '../support/requires.js';
import { buildLogged, leftoversIn } from '../support/scripts.js';
import { temporaryDirectory } from '../support/temporary.js';

// Fixed-output builds with many ids: root in a user namespace that newuidmap has mapped, on a network that a helper
// outside has joined. Nothing is sent.
const directory = temporaryDirectory('range-network');
const programs = ['user-namespaces', 'subordinate-ids', 'program:busybox', 'tun'] as const;

for (const [name, helper] of [
  ['pasta', { 'slirp4netns-path': '' }],
  ['slirp4netns', { 'pasta-path': '' }],
] as const) {
  test(
    `with ${name}, a build with many ids is connected`,
    requires(...programs, `program:${name}`),
    async () => {
      const settings = {
        'sandbox-paths': ['/bin/busybox'],
        'fixed-output-network': 'private',
        ...helper,
      } as const;
      await using store = await openStore({ store: join(directory, name), settings });
      const wanted = fixedScript(
        'bb id -u; bb ip link show dev eth0; bb ip route; bb mkdir d; echo x > d/f; bb chown -R 7:8 d; bb chmod 0 d',
        { requiredSystemFeatures: ['uid-range'] },
      );
      const { log, error, isolation, outputs } = await buildLogged(store, wanted);
      assert.equal(error, undefined, log);
      assert.match(log, /^0\n2: eth0: <[A-Z,_]*\bUP\b/);
      assert.match(log, /default via 10\.0\.2\.2 dev eth0/);
      assert.equal(isolation?.network, 'private');
      assert.equal(readFileSync(store.local.realPath(outputs['out']!), 'utf8'), fixedContent);
      assert.deepEqual(leftoversIn(store), []);
    },
  );
}
