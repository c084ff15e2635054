import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { IdSupply } from '../../ts/config/id-supply.js';
import { kvmCheck } from '../../ts/doctor/facts.js';
import { parseMountInfo } from '../../ts/doctor/mount-info.js';
import { type HostSource, probeHost, readHost } from '../../ts/doctor/probe.js';

const noIds: IdSupply = { hostRoot: false, uids: [], gids: [] };

/** A machine out of a table: texts of files; those with `null` exist but cannot be read. */
function machine(files: Record<string, string | null>, more: Partial<HostSource> = {}): HostSource {
  return {
    platform: 'linux',
    kernel: '6.1.0',
    machine: 'x86_64',
    uid: 1000,
    gid: 100,
    groups: [100, 998, 27],
    ids: noIds,
    launcher: '/l',
    landlock: 6,
    read: async (path) => files[path] ?? undefined,
    can: async (path, what) => (what === 'exist' ? path in files : files[path] === `may ${what}`),
    ...more,
  };
}

const root = '22 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n';
const proc = '23 22 0:21 / /proc rw,nosuid shared:12 master:3 - proc proc rw\n';

test('an ordinary machine', async () => {
  const host = await readHost(
    machine({
      '/proc/self/ns/user': null,
      '/proc/sys/user/max_user_namespaces': '96365\n',
      '/proc/sys/user/max_net_namespaces': '0\n',
      '/proc/sys/kernel/unprivileged_userns_clone': '1\n',
      '/proc/self/status': 'Name:\tnode\nSeccomp:\t0\nSeccomp_filters:\t0\n',
      '/proc/self/mountinfo': `${root}${proc}24 23 0:22 / /proc/sys/fs/binfmt_misc rw - binfmt_misc none rw\n`,
      '/proc/self/cgroup': '0::/user.slice/user-1000.slice\n',
      '/dev/kvm': 'may open-read-write',
    }),
  );
  assert.deepEqual(host, {
    platform: 'linux',
    kernel: '6.1.0',
    machine: 'x86_64',
    uid: 1000,
    gid: 100,
    supplementaryGroups: [998, 27],
    ids: noIds,
    userNamespaces: true,
    namespaceLimits: { user: 96365, net: 0 },
    unprivilegedUsernsClone: 1,
    seccomp: false,
    chrooted: false,
    rootFileSystem: 'ext4',
    maskedProc: [],
    readOnlyProc: false,
    kvm: true,
    tun: false,
    landlock: 6,
    launcher: '/l',
  });
});

test('a container: masks, a read-only /proc, a filter', async () => {
  const host = await readHost(
    machine({
      '/.dockerenv': '',
      '/proc/self/status': 'Seccomp:\t2\n',
      '/proc/self/mountinfo':
        '30 1 0:40 / / rw - overlay overlay rw\n' +
        '31 30 0:41 / /proc ro,nosuid - proc proc rw\n' +
        '32 31 0:41 /bus /proc/bus ro - proc proc rw\n' +
        '33 31 0:42 / /proc/kcore rw - tmpfs tmpfs rw\n' +
        '34 31 0:42 / /proc/kcore rw - tmpfs tmpfs rw\n',
    }),
  );
  assert.deepEqual(host.maskedProc, ['/proc/bus', '/proc/kcore']);
  assert.equal(host.readOnlyProc, true);
  assert.equal(host.seccomp, true);
  assert.equal(host.container, 'docker');
  assert.equal(host.userNamespaces, false);
});

test('Ubuntu and chroot', async () => {
  const host = await readHost(
    machine({
      '/proc/sys/kernel/apparmor_restrict_unprivileged_userns': '1\n',
      '/proc/self/mountinfo': proc,
    }),
  );
  assert.equal(host.apparmorRestrictsUserns, 1);
  assert.equal(host.chrooted, true);
});

test('the control group is where the mount shows it', async () => {
  const files = {
    '/proc/self/mountinfo': `${root}40 22 0:30 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n`,
    '/proc/self/cgroup': '1:name=systemd:/x\n0::/user.slice/a\n',
  };
  const mount = '/sys/fs/cgroup';
  assert.deepEqual((await readHost(machine(files))).cgroup, { mount, directory: `${mount}/user.slice/a` });
  const top = { ...files, '/proc/self/cgroup': '0::/\n' };
  assert.deepEqual((await readHost(machine(top))).cgroup, { mount, directory: mount });
  const outside = { ...files, '/proc/self/cgroup': '0::/../b\n' };
  assert.equal((await readHost(machine(outside))).cgroup, undefined);
});

test('a machine that says nothing', async () => {
  const host = await readHost(machine({}, { platform: 'darwin' }));
  assert.equal(host.chrooted, false);
  assert.equal(host.rootFileSystem, undefined);
  assert.deepEqual(host.namespaceLimits, {});
});

test('nonsense in a sysctl is no number', async () => {
  const host = await readHost(machine({ '/proc/sys/user/max_user_namespaces': 'many\n' }));
  assert.deepEqual(host.namespaceLimits, {});
});

test('this machine is looked at once', async () => {
  const host = await probeHost();
  assert.equal(host.platform, process.platform);
  assert.equal(await probeHost(), host);
});

test('mountinfo: optional fields, escapes, broken lines', () => {
  assert.deepEqual(
    parseMountInfo(
      '1 2 3:4 / /a\\040b\\134 rw,nodev shared:1 master:2 - tmpfs none rw\nnonsense\n\n1 2 3:4 / /x rw -\n',
    ),
    [{ mountPoint: '/a b\\', options: ['rw', 'nodev'], type: 'tmpfs' }],
  );
});

test('what is missing but not required costs something, which is said', () => {
  assert.equal(kvmCheck({ kvm: true }).ok, true);
  assert.match(kvmCheck({ kvm: false }).cost ?? '', /kvm/);
});
