import assert from 'node:assert/strict';
import { test } from 'node:test';
import { explain } from '../../ts/doctor/explain.js';
import type { Host } from '../../ts/doctor/host.js';

const plain: Host = {
  platform: 'linux',
  kernel: '6.18.0',
  machine: 'x86_64',
  uid: 1000,
  gid: 1000,
  supplementaryGroups: [],
  ids: { hostRoot: false, uids: [], gids: [] },
  userNamespaces: true,
  namespaceLimits: { user: 1000, mnt: 1000, pid: 1000, ipc: 1000, uts: 1000, net: 1000, cgroup: 1000 },
  seccomp: false,
  chrooted: false,
  rootFileSystem: 'ext4',
  maskedProc: [],
  readOnlyProc: false,
  kvm: false,
  tun: true,
  landlock: 7,
  launcher: '/opt/airplant/build/Release/airplant-launcher',
};
const limit = (kind: string, value: number) => ({
  namespaceLimits: { ...plain.namespaceLimits, [kind]: value },
});
const docker = { seccomp: true, container: 'docker' } as const;
const ubuntu = { apparmorRestrictsUserns: 1 };
const masked = { maskedProc: ['/proc/kcore', '/proc/keys'] };

interface Row {
  readonly failure: string;
  readonly host?: Partial<Host>;
  readonly cause: RegExp;
  readonly cure: RegExp;
}

const table: readonly Row[] = [
  // namespaces(7): the limit of a kind, ENOSPC
  {
    failure: 'unshare-user ENOSPC',
    host: limit('user', 0),
    cause: /user\.max_user_namespaces is 0/,
    cure: /sysctl -w user\.max_user_namespaces=15000/,
  },
  {
    failure: 'unshare-mount ENOSPC',
    host: limit('mnt', 0),
    cause: /user\.max_mnt_namespaces is 0, which forbids mount/,
    cure: /user\.max_mnt_namespaces=/,
  },
  { failure: 'unshare-pid ENOSPC', host: limit('pid', 0), cause: /forbids PID/, cure: /max_pid_namespaces=/ },
  { failure: 'unshare-ipc ENOSPC', host: limit('ipc', 0), cause: /forbids IPC/, cure: /max_ipc_namespaces=/ },
  { failure: 'unshare-uts ENOSPC', host: limit('uts', 0), cause: /forbids UTS/, cure: /max_uts_namespaces=/ },
  {
    failure: 'unshare-cgroup ENOSPC',
    host: limit('cgroup', 0),
    cause: /forbids control group/,
    cure: /max_cgroup_namespaces=/,
  },
  {
    failure: 'lock-user ENOSPC',
    host: limit('user', 1),
    cause: /All 1 user namespaces that user\.max_user_namespaces allows/,
    cure: /user\.max_user_namespaces=15000/,
  },
  { failure: 'lock-mounts ENOSPC', host: limit('mnt', 1), cause: /All 1 mount/, cure: /max_mnt_namespaces=/ },
  {
    failure: 'unshare-network ENOSPC',
    host: limit('net', 0),
    cause: /forbids network/,
    cure: /max_net_namespaces=/,
  },
  {
    failure: 'unshare-user ENOSPC',
    host: limit('user', 40000),
    cause: /All 40000 user namespaces/,
    cure: /max_user_namespaces=80000/,
  },
  {
    failure: 'unshare-user EUSERS',
    host: { namespaceLimits: {} },
    cause: /used up/,
    cure: /max_user_namespaces=15000/,
  },
  // A switch that is off is the cause even in a container with a filter.
  {
    failure: 'unshare-user EPERM',
    host: { unprivilegedUsernsClone: 0, ...docker },
    cause: /kernel\.unprivileged_userns_clone is 0/,
    cure: /sysctl -w kernel\.unprivileged_userns_clone=1/,
  },
  { failure: 'unshare-user EPERM', host: { chrooted: true }, cause: /chroot/, cure: /systemd-nspawn|bwrap/ },
  {
    failure: 'unshare-user EINVAL',
    host: { userNamespaces: false },
    cause: /6\.18\.0 has no user namespaces/,
    cure: /CONFIG_USER_NS=y/,
  },
  { failure: 'unshare-network EINVAL', cause: /no network namespaces/, cure: /CONFIG_NET_NS=y/ },
  { failure: 'unshare-user ENOSYS', cause: /does not offer unshare/, cure: /gVisor/ },
  // AppArmor: the namespace is there, its capabilities are not.
  {
    failure: 'write-uid-map EPERM',
    host: ubuntu,
    cause: /apparmor_restrict_unprivileged_userns is 1/,
    cure: /profile airplant "\/opt\/airplant\/build\/Release\/airplant-launcher".*userns,/,
  },
  {
    failure: 'mount-private EACCES',
    host: ubuntu,
    cause: /AppArmor/,
    cure: /sysctl -w kernel\.apparmor_restrict_unprivileged_userns=0/,
  },
  { failure: 'unshare-pid EPERM', host: ubuntu, cause: /AppArmor/, cure: /apparmor_parser -r/ },
  {
    failure: 'mount-private EACCES',
    host: { ...ubuntu, seccomp: true },
    cause: /AppArmor/,
    cure: /apparmor_parser/,
  },
  // Containers
  {
    failure: 'unshare-user EPERM',
    host: docker,
    cause: /seccomp filter is in force \(docker\)/,
    cure: /docker run --security-opt seccomp=unconfined --security-opt systempaths=unconfined/,
  },
  {
    failure: 'unshare-user EPERM',
    host: { ...docker, ...ubuntu },
    cause: /seccomp/,
    cure: /seccomp=unconfined/,
  },
  {
    failure: 'unshare-user EPERM',
    host: { seccomp: true, container: 'podman' },
    cause: /podman/,
    cure: /unmask=ALL/,
  },
  {
    failure: 'pivot-root EPERM',
    host: { seccomp: true, container: 'kubernetes' },
    cause: /behind pivot-root/,
    cure: /seccompProfile/,
  },
  { failure: 'unshare-user EPERM', host: { seccomp: true }, cause: /seccomp/, cure: /RestrictNamespaces=no/ },
  {
    failure: 'mount-private EACCES',
    host: { container: 'docker' },
    cause: /policy of the container \(docker\)/,
    cure: /apparmor=unconfined/,
  },
  // /proc
  {
    failure: 'mount-proc EPERM',
    host: { ...masked, ...docker },
    cause: /masked by mounts \('\/proc\/kcore', '\/proc\/keys'\)/,
    cure: /docker run --security-opt systempaths=unconfined/,
  },
  {
    failure: 'mount-proc EPERM',
    host: { ...masked, container: 'podman' },
    cause: /masked/,
    cure: /unmask=ALL/,
  },
  {
    failure: 'mount-proc EPERM',
    host: { ...masked, container: 'kubernetes' },
    cause: /masked/,
    cure: /procMount: Unmasked/,
  },
  {
    failure: 'write-uid-map EROFS',
    host: { readOnlyProc: true },
    cause: /mounted read-only/,
    cure: /systempaths=unconfined/,
  },
  { failure: 'open-proc ENOENT', cause: /no proc file system/, cure: /mount -t proc/ },
  // Mounts
  { failure: 'mount-tmpfs ENODEV', cause: /does not have the file system tmpfs/, cure: /modprobe/ },
  { failure: 'make-target ENOSPC', cause: /is full/, cure: /df -i/ },
  { failure: 'make-file EDQUOT', cause: /is full/, cure: /--store/ },
  {
    failure: 'copy-mounts ENOSPC',
    host: limit('mnt', 3),
    cause: /All 3 mount namespaces/,
    cure: /max_mnt_namespaces=/,
  },
  { failure: 'mount-root ENOSPC', cause: /fs\.mount-max/, cure: /sysctl -w fs\.mount-max/ },
  { failure: 'bind ELOOP /data', cause: /symlink in the place of '\/data'/, cure: /directories above/ },
  { failure: 'bind ENOSPC', cause: /fs\.mount-max/, cure: /sysctl -w fs\.mount-max/ },
  {
    failure: 'pivot-root EINVAL',
    host: { rootFileSystem: 'rootfs' },
    cause: /initramfs/,
    cure: /root file system of its own/,
  },
  { failure: 'read-only EPERM /data', cause: /'\/data'.*flags are locked/, cure: /sandbox-paths/ },
  { failure: 'bind ENOENT /opt/x', cause: /no '\/opt\/x' on this host/, cure: /`\?`/ },
  { failure: 'bind ENOENT /dev/full', cause: /device '\/dev\/full' is missing/, cure: /\/dev/ },
  { failure: 'bind EACCES /root/x', cause: /may not look up '\/root\/x'/, cure: /chmod a\+x/ },
  { failure: 'verify-device EINVAL /dev/null', cause: /'\/dev\/null'.*not the device/, cure: /device node/ },
  // Processes
  { failure: 'exec ENOENT /bin/x', cause: /'\/bin\/x', or the interpreter/, cure: /show-sandbox/ },
  { failure: 'exec ENOEXEC /bin/x', cause: /no program that x86_64 can run/, cure: /platform/ },
  { failure: 'exec EACCES /bin/x', cause: /not executable/, cure: /noexec/ },
  { failure: 'exec E2BIG', cause: /128 KiB/, cure: /passAsFile/ },
  { failure: 'fork EAGAIN', cause: /as many processes/, cure: /ulimit -u/ },
  { failure: 'chdir ENOENT /gone', cause: /'\/gone' does not exist/, cure: /cd \// },
  { failure: 'control-group EACCES', cause: /belongs to somebody else/, cure: /Delegate=yes/ },
  { failure: 'control-group EBUSY', cause: /hands controllers on/, cure: /build-cgroup/ },
  { failure: 'control-group ENOENT', cause: /is gone/, cure: /build-cgroup/ },
  { failure: 'control-group EOPNOTSUPP', cause: /threaded/, cure: /build-cgroup/ },
  { failure: 'session-keyring EDQUOT', cause: /keyrings/, cure: /maxkeys/ },
  {
    failure: 'seccomp ENOSYS',
    cause: /The kernel 6\.18\.0.*CONFIG_SECCOMP_FILTER/,
    cure: /filter-syscalls = false/,
  },
  { failure: 'seccomp EINVAL', cause: /CONFIG_SECCOMP_FILTER/, cure: /filter-syscalls = false/ },
  { failure: 'seccomp EPERM', cause: /A seccomp filter in force/, cure: /filter-syscalls = false/ },
  {
    failure: 'seccomp EOPNOTSUPP',
    host: { machine: 'riscv64' },
    cause: /no filter for the system calls of riscv64/,
    cure: /filter-syscalls = false/,
  },
  { failure: 'mount-tmpfs ENOMEM', cause: /no memory/, cure: /--max-jobs/ },
];

for (const { failure, host, cause, cure } of table) {
  test(`${failure}${host ? ` with ${JSON.stringify(host)}` : ''}`, () => {
    const [step = '', errno = '', path = ''] = failure.split(' ');
    const explanation = explain({ step, errno, path }, { ...plain, ...host });
    assert.ok(explanation, 'unexplained');
    assert.match(explanation.cause, cause);
    assert.match(explanation.cure, cure);
    for (const sentence of [explanation.cause, explanation.cure]) assert.match(sentence, /^[^\n]+\.$/);
  });
}

test('where the facts do not tell, no cause is made up', () => {
  for (const failure of [
    'unshare-user EPERM',
    'mount-proc EPERM',
    'pivot-root EINVAL',
    'chdir EIO',
    'limits EPERM',
  ]) {
    const [step = '', errno = ''] = failure.split(' ');
    assert.equal(explain({ step, errno, path: '' }, plain), undefined, failure);
  }
});

test('a hostile path cannot drive the terminal through an explanation', () => {
  const explanation = explain({ step: 'bind', errno: 'ENOENT', path: '/\u001b[2J\n' }, plain);
  assert.doesNotMatch(explanation!.cause, /[\x00-\x1f]/);
});
