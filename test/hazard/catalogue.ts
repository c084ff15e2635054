/**
 * What a hostile builder tries, and what has to come of it. Written from what the sandbox promises, never from a run.
 * The attempts are those of test/fixtures/native/hostile, made once in a build and once in a bare user and mount
 * namespace, the control: a protection is shown to protect by what succeeds without it. What only shows when the builder
 * has ended is looked at from outside (aftermath.ts), after the one and after the other. What cannot be tried so is in
 * elsewhere.ts.
 */
export interface Row {
  readonly title: string;
  readonly attempts: Readonly<Record<string, Outcome>>;
}

/** `ok`, an errno or a text; alternatives where several walls stand and which is met first does not matter. */
type Expected = string | RegExp | ((context: Context) => string);

export type Outcome =
  /** Our doing: in the control it succeeds (`bare`, if that is not `ok` but a text). */
  | { readonly kind: 'blocked'; readonly sandbox: Expected; readonly bare: Expected | 'different' }
  /** The kernel refuses with us or without; the reason may differ. The page on security names rows of nothing else. */
  | { readonly kind: 'kernel'; readonly sandbox: Expected; readonly bare: Expected }
  /** Allowed, and `why` that does no harm. The page on security names the row. */
  | { readonly kind: 'allowed'; readonly sandbox: Expected; readonly why: string };

/** What the expected outcomes of one run depend on. */
export interface Context {
  /** Base names of the closure of the build, its outputs not among them. */
  readonly inputs: readonly string[];
  /** The setting allow-nested-namespaces. */
  readonly nested: boolean;
  /** How many descriptors whoever asks for the build may have open: the hard limit. */
  readonly descriptors: number;
  /** How likely a victim whoever asks for the build is, where memory is short (oom_score_adj). */
  readonly oomScore: number;
}

const refused = /^E(PERM|ROFS|ACCES|INVAL|XDEV|BUSY)$/;
const anyErrno = /^E[A-Z0-9]+$/;
const family = 'EAFNOSUPPORT';
/** One number, two names. */
const unsupported = /^E(OPNOTSUPP|NOTSUP)$/;

const blocked = (sandbox: Expected, bare: Expected | 'different' = 'ok'): Outcome => ({
  kind: 'blocked',
  sandbox,
  bare,
});
const kernel = (sandbox: Expected, bare: Expected = sandbox): Outcome => ({ kind: 'kernel', sandbox, bare });
const allowed = (sandbox: Expected, why: string): Outcome => ({ kind: 'allowed', sandbox, why });

const each = (names: readonly string[], outcome: Outcome) =>
  Object.fromEntries(names.map((name) => [name, outcome]));

/** Attempts `capable …` are made with all capabilities in a user namespace of the builder's own. */
export const catalogue: Readonly<Record<string, Row>> = {
  F1: {
    title: 'the root holds what the sandbox made and nothing else',
    attempts: { names: blocked('bin,build,dev,etc,nix,proc,tmp', 'different') },
  },
  F2: {
    title: 'files of the host are not there',
    attempts: each(['/root', '/home', '/var', '/run', '/sys', 'state', 'canary'], blocked('ENOENT')),
  },
  F3: {
    title: 'the store is the closure',
    attempts: {
      open: blocked('ENOENT'),
      names: blocked(({ inputs }) => [...inputs].sort().join(','), 'different'),
    },
  },
  F4: {
    title: 'inputs cannot be changed',
    attempts: each(
      ['mode', 'write', 'truncate', 'times', 'create', 'rename', 'mount-over'],
      blocked(/^E(ROFS|PERM|ACCES)$/),
    ),
  },
  F5: {
    title: 'inputs cannot be made writable',
    attempts: {
      ...each(['remount', 'remount-keeping-flags', 'mount_setattr', 'copy'], blocked(refused)),
      'capable remount': kernel(refused, 'EPERM'),
      ...each(['capable remount-keeping-flags', 'capable mount_setattr', 'capable copy'], blocked(refused)),
    },
  },
  F6: {
    title: 'what a mount covers stays covered',
    // In a namespace below the control's own its mounts are locked as well: what the second namespace does for us.
    attempts: { input: blocked(refused), 'capable input': kernel('EINVAL') },
  },
  F7: {
    title: 'a changed root leads nowhere',
    attempts: {
      'capable chroot': allowed('ok', 'within the sandbox, where it leads nowhere'),
      'capable canary': blocked('ENOENT'),
    },
  },
  F8: {
    title: 'files are not reached by their handles',
    attempts: {
      open_by_handle_at: kernel('EPERM'),
      'capable open_by_handle_at': kernel(/^E(PERM|STALE)$/),
    },
  },
  F9: { title: 'inputs cannot be linked', attempts: { link: blocked(/^E(XDEV|ROFS)$/) } },
  F10: {
    title: 'an output that is a symlink is one, and not followed',
    attempts: {
      symlink: allowed('ok', 'it may lead anywhere: nobody follows it'),
      output: allowed('a link', 'it is registered as what it is'),
      target: { kind: 'kernel', sandbox: 'untouched', bare: 'untouched' },
    },
  },
  F11: {
    title: 'nothing is written beside the build directory',
    attempts: {
      'beside-build': blocked('EROFS'),
      root: kernel('EROFS', 'EACCES'),
      etc: kernel('EROFS', 'EACCES'),
      passwd: kernel('EROFS', 'EACCES'),
    },
  },
  F12: {
    title: 'an output renamed away and made anew is the new one',
    attempts: {
      rename: allowed('ok', 'the directory of the store in there is the build’s own'),
      anew: allowed('ok', 'what counts is what is there when nobody is left'),
      output: allowed('the new one', 'it is looked at when every process of the build is dead'),
    },
  },
  F13: {
    title: 'mounts of the host are gone, set-id bits mean nothing',
    attempts: {
      'mount-points': blocked(/^(?!.*(\/home|\/var|\/sys|\/run))\/,/, 'different'),
      'with-set-id-programs': blocked('', 'different'),
    },
  },
  F14: {
    title: 'the size of the file system shows',
    attempts: { statfs: allowed('ok', 'programs ask how much room there is') },
  },

  P1: { title: 'processes of the host are not there', attempts: { 'host-process': blocked('ENOENT') } },
  P2: {
    title: 'settings of the kernel cannot be changed',
    attempts: each(
      ['core_pattern', 'sysrq', 'drop_caches', 'hostname'],
      kernel(/^E(ACCES|ROFS|NOENT|PERM)$/),
    ),
  },
  P3: {
    title: 'memory and secrets of the kernel do not show',
    attempts: {
      ...each(['kcore', 'kmsg', 'timer_list'], kernel(/^E(ACCES|NOENT|PERM)$/)),
      addresses: kernel('hidden'),
      key: allowed(
        'shown',
        'descriptions of the caller’s keys; hiding /proc/keys would forbid a /proc in nested namespaces',
      ),
    },
  },
  P4: {
    title: 'process 1 shows nothing',
    attempts: each(['root', 'cwd', 'exe', 'fd/0', 'mem', 'environ'], blocked(/^E(ACCES|PERM)$/)),
  },
  P5: {
    title: 'running programs cannot be overwritten',
    attempts: each(['self', 'process-one'], kernel(/^E(ROFS|TXTBSY|ACCES)$/)),
  },
  P6: {
    title: 'the maps of ids are final',
    attempts: each(['uid_map', 'gid_map', 'setgroups'], kernel(/^E(PERM|ACCES|ROFS)$/)),
  },
  P7: { title: 'there is no /sys', attempts: { '/sys/kernel': blocked('ENOENT') } },
  P8: {
    title: 'names of control groups do not show',
    // Equal where the host's own group is the root.
    attempts: { cgroup: { kind: 'kernel', sandbox: '/', bare: /^\// } },
  },
  P9: {
    title: 'the machine shows, its name does not',
    attempts: {
      nodename: blocked('localhost', 'different'),
      domainname: kernel('(none)', /./),
      meminfo: allowed('ok', 'as in Nix: there is no private view of the memory'),
      cpuinfo: allowed('ok', 'as in Nix: compilers look at it, and the instruction itself cannot be hidden'),
    },
  },
  P10: { title: 'a builder cannot be made to live longer', attempts: { 'below-zero': kernel('EACCES') } },

  D1: {
    title: 'the devices are these',
    attempts: {
      nodes: blocked(
        'fd=l,full=c1:7,null=c1:3,ptmx=l,pts=d,random=c1:8,shm=d,stderr=l,stdin=l,stdout=l,tty=c5:0,urandom=c1:9,zero=c1:5',
        'different',
      ),
    },
  },
  D2: {
    title: 'devices cannot be made',
    attempts: {
      memory: kernel(/^E(PERM|ROFS)$/),
      disk: kernel(/^E(PERM|ROFS)$/),
      whiteout: allowed('ok', 'it names no device, and an output that holds one is refused'),
    },
  },
  D3: { title: '/dev/null works', attempts: { null: allowed('ok', 'it has to') } },
  D4: {
    title: 'shared memory is private',
    attempts: { 'host-file': blocked('ENOENT'), 'own-file': allowed('ok', 'it is there to be used') },
  },
  D5: {
    title: 'nothing is typed into a terminal',
    attempts: {
      'TIOCSTI-log': kernel('EPERM', 'ENOTTY'),
      // EIO: dev.tty.legacy_tiocsti is 0.
      ...each(['TIOCSTI', 'TIOCSTI-high-bits'], blocked('EPERM', /^(ok|EIO)$/)),
      TIOCLINUX: kernel('EPERM', 'ENOTTY'),
      'TIOCLINUX-high-bits': kernel('EPERM', 'ENOTTY'),
    },
  },
  D6: {
    title: 'other devices are not there',
    attempts: each(
      ['fuse', 'net/tun', 'kvm', 'vsock', 'mem', 'kmsg', 'loop-control', 'vda'],
      // Which of them this machine has is another matter; the first attempt of D1 is the control.
      { kind: 'kernel', sandbox: 'ENOENT', bare: /./ },
    ),
  },
  D7: { title: 'there is no controlling terminal', attempts: { tty: kernel('ENXIO', /./) } },
  D8: {
    title: 'three descriptors, the first of them /dev/null',
    attempts: { open: blocked('0,1,2', 'different'), input: kernel('null', /./) },
  },

  I1: {
    title: 'a signal to everybody reaches the build alone',
    attempts: {
      'kill-all': allowed('ok', 'those it reaches are the build’s own'),
      bystander: blocked('spared', 'hit'),
    },
  },
  I2: { title: 'processes of the host get no signals', attempts: { 'host-process': blocked('ESRCH') } },
  I3: {
    title: 'process 1 survives its builders',
    attempts: { 'after-SIGKILL': allowed('ok', 'the kernel drops what would kill process 1') },
  },
  I4: { title: 'a daemon does not outlive its build', attempts: { daemon: blocked('gone', 'alive') } },
  I5: { title: 'orphans are reaped', attempts: { zombies: allowed('0', 'it has to be so') } },
  I6: {
    title: 'a build ends with its builder, whoever holds the log open',
    attempts: { log: blocked('closed', 'held open') },
  },
  I8: {
    title: 'a builder that adopts its orphans leaves none',
    attempts: {
      subreaper: allowed('ok', 'it is process 1 that the others end with'),
      orphans: blocked('gone', 'alive'),
    },
  },
  I9: {
    title: 'process 1 is not traced',
    attempts: {
      'process-one': blocked('EPERM'),
      'own-child': allowed('ok', 'debuggers are tested in builds'),
    },
  },
  I10: {
    title: 'a builder takes no more than its share of the processor',
    attempts: { realtime: kernel('EPERM'), nice: kernel('EACCES'), ioprio: kernel('EPERM') },
  },

  N1: {
    title: 'the network is a loopback interface',
    attempts: {
      interfaces: { kind: 'kernel', sandbox: /^lo(,(?!eth|en|wl|docker|br)\w+)*$/, bare: /./ },
      'own-127.0.0.1': allowed('ok', 'servers are tested in builds'),
      'own-::1': allowed(/^(ok|EADDRNOTAVAIL|EAFNOSUPPORT)$/, 'where the machine has IPv6'),
    },
  },
  N2: {
    title: 'no address leads out',
    attempts: {
      'host-loopback': blocked('ECONNREFUSED'),
      'route-out': { kind: 'kernel', sandbox: 'ENETUNREACH', bare: /^(ok|ENETUNREACH)$/ },
      'route-metadata': { kind: 'kernel', sandbox: 'ENETUNREACH', bare: /^(ok|ENETUNREACH)$/ },
    },
  },
  N3: {
    title: 'abstract sockets of the host are not reached',
    attempts: { connect: blocked('ECONNREFUSED') },
  },
  N4: { title: 'sockets of the host are not there', attempts: { connect: blocked('ENOENT') } },
  N5: {
    title: 'of netlink only the routes of its own namespace',
    attempts: {
      route: allowed('ok', 'getaddrinfo asks it for the addresses there are'),
      ...each(['uevent', 'generic', 'netfilter', 'xfrm'], {
        kind: 'blocked',
        sandbox: /^E(AFNOSUPPORT|PROTONOSUPPORT|PERM)$/,
        bare: /^(ok|EPROTONOSUPPORT)$/,
      }),
    },
  },
  N6: {
    title: 'the hypervisor is not reached',
    attempts: { vsock: { kind: 'blocked', sandbox: family, bare: /^(ok|EAFNOSUPPORT)$/ } },
  },
  N7: {
    title: 'no frames are sent',
    attempts: {
      packet: kernel(family, 'EPERM'),
      raw: kernel('EPERM'),
      'capable packet-in-its-own': blocked(family),
    },
  },
  N8: {
    title: 'families of sockets no build needs',
    attempts: each(
      ['ALG', 'BLUETOOTH', 'CAN', 'TIPC', 'XDP', 'RDS', 'KEY', 'SMC', 'PPPOX', 'QIPCRTR', 'KCM'],
      // Which of them this kernel has is another matter; N6 and N7 are the control.
      { kind: 'kernel', sandbox: family, bare: /./ },
    ),
  },
  N11: {
    title: 'names and addresses are the same everywhere',
    attempts: {
      '/etc/hosts': { kind: 'kernel', sandbox: '127.0.0.1 localhost\n::1 localhost\n', bare: /^/ },
      '/etc/passwd': blocked(
        'root:x:0:0:Nix build user:/build:/noshell\nnixbld:x:1000:100:Nix build user:/build:/noshell\n' +
          'nobody:x:65534:65534:Nobody:/:/noshell\n',
        'different',
      ),
      '/etc/group': blocked('root:x:0:\nnixbld:!:100:\nnogroup:x:65534:\n', 'different'),
      // Whether the machine has them is its own affair.
      '/etc/resolv.conf': { kind: 'kernel', sandbox: 'ENOENT', bare: /^/ },
      '/sys/class/net/lo/address': { kind: 'kernel', sandbox: 'ENOENT', bare: /./ },
    },
  },

  C1: {
    title: 'System V objects of the host are not there',
    attempts: each(['shared-memory', 'semaphores', 'messages'], blocked('ENOENT')),
  },
  C2: { title: 'message queues of the host are not there', attempts: { queue: blocked('ENOENT') } },
  C3: {
    title: 'keys of the host are not reached',
    attempts: {
      ...each(['describe', 'link-user-keyring', 'read', 'add', 'request'], blocked('ENOSYS')),
      'parent-session': kernel('ENOSYS', /./),
    },
  },
  C4: {
    title: 'nobody outside hands in a descriptor',
    attempts: { descriptor: blocked('ECONNREFUSED') },
  },
  C5: {
    title: 'watches see the files of the sandbox',
    attempts: {
      inotify: allowed('ok', 'nobody else writes what a builder can watch'),
      fanotify: kernel(/^E(PERM|NOSYS)$/, 'EPERM'),
    },
  },
  C6: {
    title: 'files of inputs can be locked',
    attempts: { flock: allowed('ok', 'the store locks files of its own, which no builder sees') },
  },

  U1: {
    title: 'ids are those of nixbld',
    attempts: { ids: blocked('1000:100', 'different'), groups: kernel('', /^/) },
  },
  U2: {
    title: 'ids stay',
    attempts: {
      setgroups: kernel('EPERM'),
      setgid: blocked(/^E(PERM|INVAL)$/),
      setuid: blocked(/^E(PERM|INVAL)$/),
    },
  },
  U3: {
    title: 'no capabilities, no new privileges, a filter',
    attempts: {
      CapInh: kernel('0000000000000000'),
      CapPrm: blocked('0000000000000000', 'different'),
      CapEff: blocked('0000000000000000', 'different'),
      CapBnd: blocked('0000000000000000', 'different'),
      CapAmb: kernel('0000000000000000'),
      NoNewPrivs: blocked('1', 'different'),
      Seccomp: blocked('2', 'different'),
    },
  },
  U5: {
    title: 'namespaces of its own, unless they are forbidden',
    attempts: {
      user: allowed(({ nested }) => (nested ? 'ok' : 'ENOSPC'), 'as in Nix: allow-nested-namespaces'),
    },
  },
  U6: {
    title: 'the namespaces of process 1 are not entered',
    attempts: each(['mnt', 'user', 'pid', 'net', 'ipc', 'uts'], blocked(/^E(ACCES|PERM)$/)),
  },
  U7: { title: 'clone3 is not there', attempts: { clone3: blocked('ENOSYS') } },
  U8: { title: 'files cannot be given away', attempts: { unmapped: kernel(/^E(INVAL|PERM)$/) } },

  S1: {
    title: 'set-id bits are not set',
    attempts: {
      ...each(['chmod', 'chmod-group', 'fchmod', 'fchmodat', 'chmod-i386', 'fchmod-i386'], blocked('EPERM')),
      fchmodat2: { kind: 'blocked', sandbox: /^E(PERM|NOSYS)$/, bare: /^(ok|ENOSYS)$/ },
      'chmod-plain': allowed('ok', 'other bits are the builder’s'),
      'chmod-plain-i386': allowed('ok', 'other bits are the builder’s'),
      'chmod-x32': kernel(/^E(PERM|NOSYS)$/, /^(ok|ENOSYS)$/),
    },
  },
  S2: {
    title: 'files are not made with set-id bits',
    attempts: {
      ...each(['open', 'openat', 'creat', 'mknod', 'mknodat', 'temporary', 'open-i386'], blocked('EPERM')),
      openat2: blocked('ENOSYS'),
      'open-existing': allowed(/^(ok|EPERM)$/, 'the mode means nothing there'),
    },
  },
  S3: {
    title: 'calls are not queued past the filter',
    attempts: { io_uring_setup: blocked('ENOSYS', /^(ok|EPERM|ENOSYS)$/) },
  },
  S4: {
    title: 'there are no extended attributes',
    attempts: {
      ...each(
        [
          'setxattr',
          'lsetxattr',
          'fsetxattr',
          'getxattr',
          'lgetxattr',
          'fgetxattr',
          'listxattr',
          'removexattr',
        ],
        blocked(unsupported),
      ),
      setxattrat: { kind: 'blocked', sandbox: /^E(OPNOTSUPP|NOTSUP|NOSYS)$/, bare: /^(ok|ENOSYS)$/ },
      listxattrat: { kind: 'blocked', sandbox: /^E(OPNOTSUPP|NOTSUP|NOSYS)$/, bare: /^(ok|ENOSYS)$/ },
    },
  },
  S5: {
    title: 'inodes get no flags',
    attempts: each(['FS_IOC_SETFLAGS', 'FS_IOC_FSSETXATTR'], {
      kind: 'blocked',
      sandbox: /^E(PERM|OPNOTSUPP|NOTSUP|NOTTY)$/,
      bare: /^(ok|EOPNOTSUPP|ENOTSUP|ENOTTY)$/,
    }),
  },
  S6: { title: 'no programs for the kernel', attempts: { bpf: kernel(/^E(PERM|NOSYS)$/, anyErrno) } },
  S7: { title: 'no faults are caught', attempts: { userfaultfd: blocked(/^E(PERM|NOSYS)$/) } },
  S8: {
    title: 'nothing is measured',
    attempts: { perf_event_open: { kind: 'blocked', sandbox: /^E(PERM|NOSYS)$/, bare: /^(ok|EACCES)$/ } },
  },
  S9: {
    title: 'the machine is not administered',
    attempts: each(
      [
        'kexec_load',
        'init_module',
        'swapon',
        'reboot',
        'clock_settime',
        'settimeofday',
        'adjtimex',
        'syslog',
      ],
      kernel(/^E(PERM|NOSYS)$/),
    ),
  },
  S10: {
    title: 'the personality is a constant',
    attempts: { personality: blocked('0x40000', 'different') },
  },
  S11: {
    title: 'process 1 is not reached into',
    attempts: {
      process_vm_readv: blocked('EPERM'),
      pidfd_getfd: blocked('EPERM'),
    },
  },
  S12: {
    title: 'programs run from memory',
    attempts: { fexecve: allowed('ok', 'a builder may run what it makes') },
  },
  S13: {
    title: 'handles are made',
    attempts: { name_to_handle_at: allowed(/^(ok|EOPNOTSUPP|ENOTSUP|ENOSYS)$/, 'F8: they are not opened') },
  },
  S14: {
    title: 'calls of old',
    attempts: {
      modify_ldt: { kind: 'blocked', sandbox: /^E(PERM|NOSYS)$/, bare: /^(ok|ENOSYS)$/ },
      ...each(['iopl', 'uselib', 'quotactl', 'acct', 'lookup_dcookie'], kernel(/^E(PERM|NOSYS)$/, anyErrno)),
    },
  },
  S15: {
    title: 'a builder filters itself',
    attempts: { 'get-action': allowed('ok', 'a filter can only take away') },
  },
  S16: {
    title: 'calls of other architectures are filtered',
    attempts: {
      'vsock-i386': { kind: 'blocked', sandbox: /^E(AFNOSUPPORT|NOSYS)$/, bare: /^(ok|EAFNOSUPPORT)$/ },
      'vsock-socketcall-i386': {
        kind: 'blocked',
        sandbox: /^E(AFNOSUPPORT|NOSYS)$/,
        bare: /^(ok|EAFNOSUPPORT)$/,
      },
      'keyctl-i386': blocked('ENOSYS'),
    },
  },
  S17: { title: 'too long an argument is an error of its caller', attempts: { execve: kernel('E2BIG') } },

  X2: {
    title: 'the builder dies before its caller, if memory is short',
    attempts: {
      oom_score_adj: blocked(
        // Whoever is as likely a victim already stays as likely.
        ({ oomScore }) => (oomScore >= 500 ? 'like its caller' : 'first'),
        'like its caller',
      ),
    },
  },
  X8: {
    title: 'descriptors are limited',
    attempts: {
      // Equal where the machine allows no more.
      soft: {
        kind: 'kernel',
        sandbox: ({ descriptors }) => String(Math.min(65536, descriptors)),
        bare: ({ descriptors }) => String(descriptors),
      },
      raise: kernel('EPERM'),
    },
  },
  X9: {
    title: 'no core is dumped',
    attempts: {
      core: allowed('0', 'as in Nix: it may ask for more, which a host that pipes cores away then gets'),
    },
  },
  X10: {
    title: 'shared memory has an end',
    attempts: { 'two-megabytes': blocked('ENOSPC') },
  },

  O2: { title: 'modes come down to two', attempts: { modes: blocked('444,555', 'different') } },
  O5: {
    title: 'names are bytes',
    attempts: {
      names: allowed(
        '2d7266,2e2e2e,efbda1,f0908080,ff0a1b5b33316d',
        'they are kept as they are; who shows them to a terminal escapes them',
      ),
    },
  },
  O6: {
    title: 'names that differ in case are two',
    attempts: { names: allowed('A,a,a~nix~case~hack~1', 'on Linux they are, for Nix too') },
  },
  O7: {
    title: 'files that are linked become files of their own',
    attempts: {
      within: allowed('ok', 'an archive of the output knows nothing of it'),
      beside: allowed('ok', 'in the directory of the store in there, which goes with the sandbox'),
      links: blocked('1', '3'),
    },
  },
  O9: {
    title: 'what its maker may not read is read',
    attempts: { file: blocked('read', 'EACCES') },
  },
  O10: {
    title: 'an output does not change when its builder has ended',
    attempts: { file: blocked('as registered', 'changed') },
  },
  O11: { title: 'every time is 1', attempts: { times: blocked('1', 'different') } },
  O14: { title: 'outputs have no attributes', attempts: { attributes: blocked('', 'user.hazard') } },
  O15: {
    title: 'nothing is mounted over an output',
    attempts: { 'mount-over': blocked('EPERM') },
  },

  L1: {
    title: 'no process is left, in a namespace of its own neither',
    attempts: { 'capable process': blocked('gone', 'alive') },
  },
  L2: {
    title: 'no mount and no file is left',
    attempts: {
      file: allowed('ok', 'a /tmp of its own is there to be used'),
      'capable mount': allowed('ok', 'in namespaces of its own a builder may mount'),
      'file-outside': blocked('gone', 'there'),
      'capable mount-point': blocked('gone', 'mounted'),
    },
  },
  L4: {
    title: 'the clock is the machine’s',
    attempts: { realtime: allowed('as outside', 'there is no namespace for it') },
  },
};

const sizes = { F: 14, P: 10, D: 8, I: 10, N: 11, C: 6, U: 8, S: 17, X: 11, O: 15, L: 4 };

/** Every row there has to be, in order. */
export const rowIds: readonly string[] = Object.entries(sizes).flatMap(([letter, size]) =>
  Array.from({ length: size }, (_, index) => `${letter}${index + 1}`),
);
