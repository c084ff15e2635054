import assert from 'node:assert/strict';
import { test } from 'node:test';
import { callersIdentity, identityWithoutGroups } from '../../ts/sandbox/identity.js';
import { describeIsolation } from '../../ts/sandbox/isolation.js';
import { planLinuxSandbox } from '../../ts/sandbox/linux.js';
import type { Connection } from '../../ts/sandbox/network.js';
import type { BuildRequest } from '../../ts/sandbox/request.js';
import { sampleRequest } from './sample-request.js';

const spec = (change: Partial<BuildRequest>, connection?: Connection) =>
  planLinuxSandbox(
    { ...sampleRequest, ...change },
    {
      root: '/r',
      outputDirectory: '/o',
      buildDirectory: '/b',
      temporaryDirectory: '/t',
      sandboxBuildDirectory: '/build',
      storeDir: '/nix/store',
      realStoreDir: '/s',
      devShmSize: '50%',
      filterSystemCalls: true,
      kvm: false,
      nestedNamespaces: true,
      identity: callersIdentity,
      connection,
    },
  );

test('an ordinary build has no shortfalls', () => {
  assert.deepEqual(describeIsolation(spec({ hostPaths: [] }), []), {
    backend: 'linux-namespaces',
    namespaces: ['user', 'mount', 'pid', 'ipc', 'uts', 'network', 'cgroup'],
    network: 'none',
    readOnlyInputs: true,
    noNewPrivileges: true,
    filteredSystemCalls: true,
    shortfalls: [],
  });
});

test('without the filter for system calls, what that leaves open is named', () => {
  const { filteredSystemCalls, shortfalls } = describeIsolation(
    { ...spec({ hostPaths: [] }), filter: 'none' },
    [],
  );
  assert.equal(filteredSystemCalls, false);
  assert.equal(shortfalls.length, 1);
  assert.match(shortfalls[0]!, /keyrings and AF_VSOCK/);
});

test('everything weaker is named', () => {
  const { network, shortfalls } = describeIsolation(
    spec({ network: 'host' }, { kind: 'host', scopeAbstractSockets: false }),
    [27, 998],
  );
  assert.equal(network, 'host');
  assert.equal(shortfalls.length, 4);
  assert.match(shortfalls[0]!, /network of the host/);
  assert.match(shortfalls[1]!, /Abstract sockets/);
  assert.match(shortfalls[2]!, /'\/opt'/);
  assert.match(shortfalls[3]!, /supplementary groups of the caller: 27, 998/);
});

test('a network of its own is no shortfall, and abstract sockets that are out of reach are none', () => {
  const helper = { program: '/usr/bin/pasta', argv: ['pasta'], timeoutMilliseconds: 1, unreachable: [] };
  const own = describeIsolation(
    spec({ network: 'auto', hostPaths: [] }, { kind: 'helper', helper, resolvConf: '' }),
    [],
  );
  assert.equal(own.network, 'private');
  assert.deepEqual(own.shortfalls, []);
  const scoped = describeIsolation(
    spec({ network: 'host', hostPaths: [] }, { kind: 'host', scopeAbstractSockets: true }),
    [],
  );
  assert.equal(scoped.shortfalls.length, 1);
});

test('groups that are dropped are no shortfall', () => {
  const gids = [{ first: 100000, count: 65536 }];
  const without = identityWithoutGroups({ uid: 1, gid: 2 }, { gids, newgidmap: '/usr/bin/newgidmap' });
  assert.deepEqual(describeIsolation({ ...spec({ hostPaths: [] }), ...without }, [27, 998]).shortfalls, []);
});
