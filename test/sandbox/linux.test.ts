import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isAirplantError } from '../../ts/base/errors.js';
import { callersIdentity, identityOfMany } from '../../ts/sandbox/identity.js';
import { linuxPersonality, planLinuxSandbox, type SandboxPlace } from '../../ts/sandbox/linux.js';
import { pastaHelper } from '../../ts/sandbox/network-helpers.js';
import type { BuildRequest, HostPath } from '../../ts/sandbox/request.js';
import type { SandboxEntry } from '../../ts/sandbox/spec.js';
import { assertGolden } from '../support/golden.js';
import { sampleRequest } from './sample-request.js';

const place: SandboxPlace = {
  root: '/home/me/.local/share/airplant/root/nix/store/hello.drv.chroot/root',
  outputDirectory: '/home/me/.local/share/airplant/root/nix/store/hello.drv.chroot/store',
  buildDirectory: '/tmp/airplant-build-hello-0',
  temporaryDirectory: '/home/me/.local/share/airplant/root/nix/store/hello.drv.chroot/root/tmp',
  sandboxBuildDirectory: '/build',
  storeDir: '/nix/store',
  realStoreDir: '/home/me/.local/share/airplant/root/nix/store',
  devShmSize: '50%',
  filterSystemCalls: true,
  kvm: false,
  nestedNamespaces: true,
  identity: callersIdentity,
};

const plan = (change: Partial<BuildRequest> = {}, where: Partial<SandboxPlace> = {}) =>
  planLinuxSandbox({ ...sampleRequest, ...change }, { ...place, ...where });

const targets = (entries: readonly SandboxEntry[]) => entries.map(({ target }) => target);

const hostPath = (target: string, source = target): HostPath => ({
  target,
  source,
  optional: false,
  readOnly: true,
  why: 'a test',
});

test('the whole plan of an ordinary build', () => {
  assertGolden(`${JSON.stringify(plan(), undefined, 2)}\n`, 'sandbox/linux-spec.json');
});

test('the root is a directory of ours, and read-only in the end', () => {
  assert.deepEqual(plan({}, { root: '/r' }).root, { kind: 'directory', path: '/r', readOnly: true });
});

test('builders may make namespaces if the setting says so', () => {
  assert.equal(plan().namespaces.nested, true);
  assert.equal(plan({}, { nestedNamespaces: false }).namespaces.nested, false);
});

test('kvm is shown only where asked for', () => {
  assert.ok(!targets(plan().entries).includes('/dev/kvm'));
  const kvm = plan({}, { kvm: true }).entries.find(({ target }) => target === '/dev/kvm');
  assert.deepEqual(kvm?.kind === 'bind' && kvm.device, { major: 10, minor: 232 });
});

test('of all devices only kvm may be missing', () => {
  const missing = plan({}, { kvm: true }).entries.filter(
    (entry) => entry.kind === 'bind' && entry.device && entry.optional,
  );
  assert.deepEqual(targets(missing), ['/dev/kvm']);
});

test('the network of the host comes with its name service and without our /etc/hosts', () => {
  const { entries, namespaces, ...spec } = plan(
    { network: 'host' },
    { connection: { kind: 'host', scopeAbstractSockets: true } },
  );
  assert.equal(namespaces.network, 'host');
  assert.equal(spec.scopeAbstractSockets, true);
  const etc = entries.filter(({ target }) => target.startsWith('/etc/'));
  assert.deepEqual(
    etc.map(({ kind, target }) => `${kind} ${target}`),
    [
      'file /etc/passwd',
      'file /etc/group',
      'file /etc/nsswitch.conf',
      'bind /etc/resolv.conf',
      'bind /etc/services',
      'bind /etc/hosts',
    ],
  );
});

test('a network of its own comes with the forwarder of its helper', () => {
  const { helper, resolvConf } = pastaHelper('/usr/bin/pasta', 1000, { ipv4: true, ipv6: false });
  const { entries, ...spec } = plan(
    { network: 'private' },
    { connection: { kind: 'helper', helper, resolvConf } },
  );
  assert.equal(spec.namespaces.network, 'private');
  assert.equal(spec.networkHelper, helper);
  const file = entries.find(({ target }) => target === '/etc/resolv.conf');
  assert.equal(file?.kind === 'file' && file.contents, 'nameserver 10.0.2.3\n');
});

test('a build that asks for a network gets none unless it was connected', () => {
  const { entries, namespaces } = plan({ network: 'host' });
  assert.equal(namespaces.network, 'private');
  assert.ok(!targets(entries).includes('/etc/resolv.conf'));
});

test('inputs are read-only, and win over a host path of the same name', () => {
  const path = sampleRequest.inputs[0]!;
  const { entries } = plan({ hostPaths: [{ ...hostPath(path, '/etc'), readOnly: false }] });
  const found = entries.filter(({ target }) => target === path);
  assert.equal(found.length, 1);
  assert.ok(
    found[0]!.kind === 'bind' && found[0]!.readOnly && found[0]!.source.startsWith(place.realStoreDir),
  );
});

test('an output is never shown, even if it was named as input', () => {
  const output = sampleRequest.outputs[0]!.scratchPath;
  assert.ok(sampleRequest.inputs.includes(output));
  assert.ok(!targets(plan().entries).includes(output));
});

test("a host path takes the place of a device, of /dev as a whole, but never of /proc's", () => {
  const null_ = plan({ hostPaths: [hostPath('/dev/null', '/tmp/null')] }).entries;
  assert.equal(targets(null_).filter((target) => target === '/dev/null').length, 1);

  const all = targets(plan({ hostPaths: [hostPath('/dev')] }).entries).filter((path) =>
    path.startsWith('/dev'),
  );
  assert.deepEqual(all, ['/dev', '/dev/shm']);

  const proc = plan({ hostPaths: [hostPath('/proc')] }).entries.filter(({ target }) => target === '/proc');
  assert.deepEqual(
    proc.map(({ kind }) => kind),
    ['proc'],
  );
});

for (const target of ['/', '/nix', '/nix/store', '/build', '/proc']) {
  test(`a host path cannot hide what a build is made of: ${target}`, () => {
    assert.throws(
      () => plan({ hostPaths: [hostPath(target, '/srv')] }),
      (error) => isAirplantError(error, 'ERR_SANDBOX_PATH') && error.message.includes(target),
    );
  });
}

for (const path of ['/etc/passwd', '/nix/store/a/b', '/nix/store/..', '/nix/store/', '/nix/storex/a', 'a']) {
  test(`only store paths are inputs and outputs: ${path}`, () => {
    assert.throws(
      () => plan({ inputs: [path] }),
      (error) => isAirplantError(error, 'ERR_STORE_PATH'),
    );
    assert.throws(
      () => plan({ outputs: [{ name: 'out', scratchPath: path }] }),
      (error) => isAirplantError(error, 'ERR_STORE_PATH'),
    );
  });
}

test('a builder must be an absolute path, and no string may hold a NUL', () => {
  assert.throws(
    () => plan({ builder: 'builtin:fetchurl' }),
    (error) => isAirplantError(error, 'ERR_BUILDER_MISSING'),
  );
  for (const change of [{ args: ['a\0b'] }, { env: [['a', '\0'] as const] }, { builder: '/a\0' }]) {
    assert.throws(
      () => plan(change),
      (error) => isAirplantError(error, 'ERR_DERIVATION_INVALID'),
    );
  }
});

test('a rewrite is text, whatever characters it holds', () => {
  const { command } = plan({ args: ['a.c abc a.c'], env: [['v', 'a.c']], rewrites: [['a.c', '$&x']] });
  assert.deepEqual(command.argv, ['bash', '$&x abc $&x']);
  assert.deepEqual(command.env, [['v', '$&x']]);
});

test('other directories: build, store, shared memory', () => {
  const spec = plan(
    { inputs: ['/s/x'], outputs: [], rewrites: [] },
    { sandboxBuildDirectory: '/scratch/b', storeDir: '/s', realStoreDir: '/s', devShmSize: '1g' },
  );
  assert.equal(spec.command.cwd, '/scratch/b');
  const passwd = spec.entries.find(({ target }) => target === '/etc/passwd');
  assert.match(
    passwd?.kind === 'file' ? passwd.contents : '',
    /^nixbld:x:1000:100:Nix build user:\/scratch\/b:/m,
  );
  assert.ok(targets(spec.entries).includes('/s/x'));
  assert.ok(spec.entries.some((entry) => entry.kind === 'tmpfs' && entry.size === '1g'));
});

test('whatever is shown: each target once but for mount points, parents before children, nothing writable unasked', () => {
  const name = fc.stringMatching(/^[a-z]{1,3}$/);
  const hostPaths = fc.array(
    fc.record({
      target: fc.array(name, { minLength: 1, maxLength: 3 }).map((names) => `/h/${names.join('/')}`),
      source: name.map((text) => `/${text}`),
      optional: fc.boolean(),
      readOnly: fc.boolean(),
      why: fc.constant('a test'),
    }),
  );
  const inputs = fc.array(name.map((text) => `/nix/store/${text}`));
  fc.assert(
    fc.property(hostPaths, inputs, (paths, stores) => {
      const { entries } = plan({ hostPaths: paths, inputs: stores });
      const seen: string[] = [];
      for (const entry of entries) {
        assert.ok(!seen.includes(entry.target), `${entry.target} twice`);
        assert.ok(!seen.some((earlier) => earlier.startsWith(`${entry.target}/`) && entry.target !== '/'));
        seen.push(entry.target);
        if (entry.kind !== 'bind' || entry.readOnly) continue;
        const asked = paths.some((path) => path.target === entry.target && !path.readOnly);
        assert.ok(
          asked || ['/build', '/nix/store', '/tmp'].includes(entry.target),
          `${entry.target} is writable`,
        );
      }
    }),
  );
});

test('personality: never random addresses, and 32 bits for 32-bit systems', () => {
  assert.equal(linuxPersonality('x86_64-linux', 'x86_64'), 0x40000);
  assert.equal(linuxPersonality('i686-linux', 'x86_64'), 0x40008);
  assert.equal(linuxPersonality('i686-linux', 'i686'), 0x40000);
  assert.equal(linuxPersonality('armv7l-linux', 'aarch64'), 0x40008);
  assert.equal(linuxPersonality('aarch64-linux', 'aarch64'), 0x40000);
});

test('with subordinate ids, no host path is writable', () => {
  const programs = { newuidmap: '/usr/bin/newuidmap', newgidmap: '/usr/bin/newgidmap' };
  const caller = { uid: 1000, gid: 1000 };
  const identity = identityOfMany({ uid: 100000, gid: 100000 }, { caller, programs });
  const hostPaths = [{ ...hostPath('/cache'), readOnly: false }];
  assert.throws(
    () => plan({ hostPaths }, { identity }),
    (error) =>
      isAirplantError(error, 'ERR_SANDBOX_PATH') && /'\/cache'.*could not remove/.test(error.message),
  );
  plan({ hostPaths }, { identity: identityOfMany({ uid: 100000, gid: 100000 }, { caller }) });
  plan({ hostPaths: [hostPath('/cache')] }, { identity });
});

test('who is somebody else gets the directories of the build, and is told in /etc/passwd', () => {
  const identity = identityOfMany({ uid: 100000, gid: 200000 }, { caller: { uid: 0, gid: 0 } });
  const spec = plan({}, { identity });
  assert.deepEqual([spec.ids, spec.idMaps], [identity.ids, identity.idMaps]);
  const given = spec.entries.filter((entry) => entry.kind === 'bind' && entry.forBuilder);
  assert.deepEqual(targets(given), ['/tmp', '/nix/store', '/build']);
  const passwd = spec.entries.find(({ target }) => target === '/etc/passwd');
  assert.match(passwd?.kind === 'file' ? passwd.contents : '', /^nixbld:x:0:0:/m);
  assert.equal(
    plan().entries.some((entry) => entry.kind === 'bind' && entry.forBuilder),
    false,
  );
});
