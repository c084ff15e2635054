import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { assertGolden } from '../support/golden.js';
import { requires } from '../support/requires.js';
import { scratch } from '../support/sandbox.js';
import { type Instruction, runFilter } from '../support/seccomp-interpreter.js';

// The filter of builders, run in an interpreter: so for every architecture, whichever this machine has. What it does on
// this machine's own is in test/hazard/system-calls.test.ts.
const packageRoot = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..');

type Architecture = 'x86-64' | 'x32' | 'i386' | 'aarch64' | 'arm';

const architectures: Readonly<Record<Architecture, { family: string; audit: number; bit: number }>> = {
  'x86-64': { family: 'x86', audit: 0xc000003e, bit: 0 },
  x32: { family: 'x86', audit: 0xc000003e, bit: 0x40000000 },
  i386: { family: 'x86', audit: 0x40000003, bit: 0 },
  aarch64: { family: 'arm', audit: 0xc00000b7, bit: 0 },
  arm: { family: 'arm', audit: 0x40000028, bit: 0 },
};
const names = Object.keys(architectures) as Architecture[];

const allow = 0x7fff0000;
const killProcess = 0x80000000;
const errnos = { EPERM: 1, ENOSYS: 38, EPROTONOSUPPORT: 93, EOPNOTSUPP: 95, EAFNOSUPPORT: 97 } as const;
type Errno = keyof typeof errnos;
const refuse = (errno: Errno) => 0x00050000 | errnos[errno];

/** What a rule is for: calls with arguments that it refuses, and such that it must leave alone. */
interface Case {
  readonly rule: string;
  readonly errno: Errno;
  readonly calls: string;
  /** Arguments that are refused; none means any. */
  readonly refused: readonly (readonly (number | bigint)[])[];
  /** Of the same calls, or others: `[call, …arguments]`. */
  readonly allowed: readonly (readonly [string, ...(number | bigint)[]])[];
}

const high = 1n << 32n;
const any = [[], [0, 0, 0, 0, 0, 0], [-1n, -1n, -1n, -1n, -1n, -1n].map((arg) => BigInt.asUintN(64, arg))];

// Written from what the calls mean (their man pages and the kernel's headers), not from the rules.
const cases: readonly Case[] = [
  {
    rule: 'set-id-mode-second',
    errno: 'EPERM',
    calls: 'chmod fchmod creat mknod',
    refused: [
      [0, 0o4755],
      [0, 0o2755],
      [0, 0o6000],
      [0, 0o100000 | 0o4644],
      [0, BigInt(0o4755) | high],
    ],
    allowed: [
      ['chmod', 0o4755, 0o1777],
      ['fchmod', 0o4755, 0o777],
      ['chmod', 0, BigInt(0o755) | (0o6000n << 32n)],
      ['creat', 0, 0o644],
      ['mknod', 0, 0o10644, 0o6000],
      ['mkdir', 0, 0o6755],
    ],
  },
  {
    rule: 'set-id-mode-third',
    errno: 'EPERM',
    calls: 'fchmodat fchmodat2 mknodat',
    refused: [
      [-100, 0, 0o4755, 0],
      [-100, 0, 0o2755, 0x100],
      [-100, 0, 0o106644, 0],
      [-100, 0, BigInt(0o2000) | high],
    ],
    allowed: [
      ['fchmodat', -100, 0o6000, 0o755],
      ['fchmodat2', -100, 0, 0o1777, 0x1000],
      ['mknodat', -100, 0, 0o10644, 0o6000],
      ['mkdirat', -100, 0, 0o6755],
      ['fchownat', -100, 0, 0o6000, 0o6000],
    ],
  },
  {
    rule: 'set-id-open',
    errno: 'EPERM',
    calls: 'open',
    refused: [
      [0, 0o101, 0o4755],
      [0, 0o1101 | 0o2000000, 0o2644],
      [0, 0o20200000 | 0o2, 0o4700],
      [0, BigInt(0o101) | high, BigInt(0o4755) | high],
    ],
    allowed: [
      ['open', 0, 0o101, 0o755],
      ['open', 0, 0, 0o6755],
      ['open', 0, 0o200000, 0o6755],
    ],
  },
  {
    rule: 'set-id-openat',
    errno: 'EPERM',
    calls: 'openat',
    refused: [
      [-100, 0, 0o101, 0o4755],
      [-100, 0, 0o102 | 0o2000000, 0o2644],
      [-100, 0, 0o20200000 | 0o2, 0o4700],
      [-100, 0, BigInt(0o100) | high, BigInt(0o2000) | high],
    ],
    allowed: [
      ['openat', -100, 0, 0o101, 0o755],
      ['openat', -100, 0, 0, 0o6755],
      ['openat', -100, 0o6000, 0o200000, 0o6755],
    ],
  },
  {
    rule: 'extended-attributes',
    errno: 'EOPNOTSUPP',
    calls:
      'setxattr lsetxattr fsetxattr setxattrat getxattr lgetxattr fgetxattr getxattrat ' +
      'listxattr llistxattr flistxattr listxattrat removexattr lremovexattr fremovexattr removexattrat',
    refused: any,
    allowed: [
      ['fstat', 0, 0],
      ['statx', 0, 0, 0, 0],
    ],
  },
  {
    rule: 'file-attributes',
    errno: 'EOPNOTSUPP',
    calls: 'ioctl',
    // FS_IOC_SETFLAGS and its 32-bit form, FS_IOC_FSSETXATTR, FS_IOC_SET_ENCRYPTION_POLICY, FS_IOC_ENABLE_VERITY
    refused: [0x40086602, 0x40046602, 0x401c5820, 0x800c6613, 0x40806685].flatMap((request) => [
      [1, request],
      [1, BigInt(request) | high],
    ]),
    // FS_IOC_GETFLAGS, FS_IOC_FSGETXATTR, FIONREAD
    allowed: [
      ['ioctl', 1, 0x80086601],
      ['ioctl', 1, 0x801c581f],
      ['ioctl', 0x40086602, 0x541b],
    ],
  },
  {
    rule: 'file-attributes-by-struct',
    errno: 'ENOSYS',
    calls: 'file_setattr',
    refused: any,
    allowed: [['file_getattr', 0]],
  },
  {
    rule: 'terminal-input',
    errno: 'EPERM',
    calls: 'ioctl',
    // TIOCSTI, TIOCLINUX
    refused: [0x5412, 0x541c].flatMap((request) => [
      [0, request],
      [0, BigInt(request) | high],
      [0, BigInt(request) | (0xffffffffn << 32n)],
    ]),
    // TCGETS, TIOCGWINSZ, TIOCSCTTY, TIOCGPTPEER
    allowed: [
      ['ioctl', 0, 0x5401],
      ['ioctl', 0, 0x5413],
      ['ioctl', 0, 0x540e],
      ['ioctl', 0, 0x5441],
      ['ioctl', 0x5412, 0x5401, 0x5412],
    ],
  },
  {
    rule: 'io-uring',
    errno: 'ENOSYS',
    calls: 'io_uring_setup io_uring_enter io_uring_register',
    refused: any,
    allowed: [
      ['io_setup', 1, 0],
      ['epoll_ctl', 0],
    ],
  },
  {
    rule: 'struct-arguments',
    errno: 'ENOSYS',
    calls: 'openat2 clone3',
    refused: any,
    allowed: [
      ['clone', 0],
      ['openat', -100, 0, 0, 0],
      ['close_range', 3, 5],
    ],
  },
  {
    rule: 'keyrings',
    errno: 'ENOSYS',
    calls: 'add_key request_key keyctl',
    refused: any,
    allowed: [['getuid']],
  },
  {
    rule: 'kernel-facilities',
    errno: 'ENOSYS',
    calls: 'bpf userfaultfd perf_event_open',
    refused: any,
    allowed: [
      ['seccomp', 1, 0],
      ['memfd_create', 0, 0],
      ['ptrace', 0],
    ],
  },
  {
    rule: 'legacy',
    errno: 'ENOSYS',
    calls: 'modify_ldt vm86 vm86old uselib lookup_dcookie',
    refused: any,
    allowed: [['personality', 0x40000]],
  },
  {
    rule: 'administration',
    errno: 'EPERM',
    calls:
      'kexec_load kexec_file_load init_module finit_module delete_module swapon swapoff reboot settimeofday ' +
      'clock_settime clock_settime64 stime syslog acct quotactl quotactl_fd iopl ioperm vhangup',
    refused: any,
    allowed: [
      ['clock_gettime', 0, 0],
      ['mount', 0, 0, 0, 0, 0],
      ['unshare', 0x10000000],
      ['sethostname', 0, 0],
    ],
  },
  {
    rule: 'files-by-handle',
    errno: 'EPERM',
    calls: 'open_by_handle_at fanotify_init',
    refused: any,
    allowed: [
      ['name_to_handle_at', 0],
      ['inotify_init1', 0],
    ],
  },
  {
    rule: 'socket-families',
    errno: 'EAFNOSUPPORT',
    calls: 'socket socketpair',
    // X25, IPX, key, packet, RDS, CAN, TIPC, Bluetooth, ALG, vsock, XDP, nonsense
    refused: [0, 9, 4, 15, 17, 21, 29, 30, 31, 38, 40, 44, 46, 0x7fffffff].flatMap((family) => [
      [family, 1, 0],
      [BigInt(family) | high, 1, 0],
    ]),
    allowed: [1, 2, 10].flatMap((family): [string, ...(number | bigint)[]][] => [
      ['socket', family, 1, 0],
      ['socket', BigInt(family) | high, 0o2000001, 0],
      ['socketpair', family, 1, 0],
    ]),
  },
  {
    rule: 'netlink-protocols',
    errno: 'EPROTONOSUPPORT',
    calls: 'socket socketpair',
    // sock_diag, audit, netfilter, uevent, generic, crypto
    refused: [4, 9, 12, 15, 16, 21].map((protocol) => [16, 3, protocol]),
    allowed: [
      ['socket', 16, 3, 0],
      ['socket', 16, 3, high],
      ['socket', 2, 3, 16],
    ],
  },
  {
    rule: 'packet-type',
    errno: 'EAFNOSUPPORT',
    calls: 'socket socketpair',
    refused: [
      [2, 10, 3],
      [2, 10 | 0o2000000 | 0o4000, 3],
      [high | 2n, high | 10n, 0],
    ],
    allowed: [
      ['socket', 2, 3, 1],
      ['socket', 1, 10, 0],
      ['socket', 10, 2, 0],
    ],
  },
  {
    rule: 'socketcall',
    errno: 'ENOSYS',
    calls: 'socketcall',
    refused: [
      [1, 0],
      [8, 0],
    ],
    allowed: [
      ['socketcall', 3, 0],
      ['socketcall', 9, 0],
    ],
  },
];

describe('the filter for system calls', requires('program:c++'), () => {
  const tables: Readonly<Record<Architecture, ReadonlyMap<string, number>>> = {
    'x86-64': callNumbers('x86-64'),
    x32: callNumbers('x32'),
    i386: callNumbers('i386'),
    aarch64: callNumbers('aarch64'),
    arm: callNumbers('arm'),
  };
  const programs = new Map<string, readonly Instruction[]>();
  before(() => {
    for (const [name, program] of compilePrograms()) programs.set(name, program);
  });

  /** The answer to a call, by the whole filter or the one without a rule; undefined if the architecture has no such call. */
  function answer(
    architecture: Architecture,
    [call, ...args]: readonly [string, ...(number | bigint)[]],
    without = 'nothing',
  ): number | undefined {
    const number = tables[architecture].get(call);
    if (number === undefined) return undefined;
    const { family, audit, bit } = architectures[architecture];
    const data = { number: (number | bit) >>> 0, architecture: audit, args: args.map(BigInt) };
    return runFilter(programs.get(`${family} ${without}`)!, data);
  }

  test('there is a case for every rule', () => {
    const rules = [...programs.keys()].filter((key) => key.startsWith('x86 ')).map((key) => key.slice(4));
    const others = ['nothing', 'unknown-calls', 'unknown-architectures', 'observation'];
    assert.deepEqual(
      rules.filter((rule) => !others.includes(rule)).sort(),
      cases.map(({ rule }) => rule).sort(),
    );
  });

  for (const { rule, errno, calls, refused, allowed } of cases) {
    test(`${rule}: refused, left alone, and let through without the rule`, () => {
      const words = calls.split(' ');
      const seen = new Set<string>();
      for (const architecture of names) {
        for (const call of words) {
          for (const args of refused) {
            const found = answer(architecture, [call, ...args]);
            if (found === undefined) continue;
            seen.add(call);
            const what = `${architecture} ${call} ${args.join(' ')}`;
            assert.equal(found, refuse(errno), what);
            assert.equal(answer(architecture, [call, ...args], rule), allow, `${what} without the rule`);
          }
        }
        for (const call of allowed) {
          const found = answer(architecture, call);
          if (found !== undefined) assert.equal(found, allow, `${architecture} ${call.join(' ')}`);
        }
      }
      assert.deepEqual([...seen].sort(), [...words].sort(), 'every call is one of some architecture');
    });
  }

  test('every architecture has the calls that matter, under a number of its own', () => {
    const everywhere =
      'fchmod fchmodat fchmodat2 openat mknodat setxattr removexattrat ioctl io_uring_setup keyctl';
    for (const architecture of names) {
      for (const call of `${everywhere} socket openat2 clone3 bpf file_setattr`.split(' ')) {
        assert.ok(tables[architecture].has(call), `${architecture} ${call}`);
      }
    }
    assert.equal(tables.x32.get('ioctl'), 514);
    assert.equal(tables.aarch64.get('open'), undefined);
    assert.equal(tables.i386.get('socketcall'), 102);
  });

  test('CVE-2021-41133: calls nobody knows are answered with ENOSYS', () => {
    const unknown = [472, 600, 1000, 0x3fffffff, 0x7fffffff, 0xffffffff];
    for (const architecture of names) {
      const { family, audit, bit } = architectures[architecture];
      const table = new Set(tables[architecture].values());
      const between = [...Array(472).keys()].filter((number) => !table.has(number) && architecture !== 'x32');
      for (const number of [...unknown, ...between]) {
        const data = { number: (number | bit) >>> 0, architecture: audit, args: [] };
        const what = `${architecture} ${number}`;
        assert.equal(runFilter(programs.get(`${family} nothing`)!, data), refuse('ENOSYS'), what);
        assert.equal(runFilter(programs.get(`${family} unknown-calls`)!, data), allow, what);
      }
    }
  });

  test('a call of a foreign architecture kills', () => {
    // MIPS, 64-bit PowerPC, RISC-V, and x86-64 in the other byte order
    for (const architecture of [8, 0x80000015, 0xc00000f3, 0x8000003e]) {
      for (const family of ['x86', 'arm']) {
        const data = { number: 1, architecture, args: [] };
        assert.equal(runFilter(programs.get(`${family} nothing`)!, data), killProcess);
        assert.equal(runFilter(programs.get(`${family} unknown-architectures`)!, data), allow);
      }
    }
    assert.equal(
      runFilter(programs.get('x86 nothing')!, { number: 1, architecture: 0xc00000b7, args: [] }),
      killProcess,
    );
  });

  test('the filter of observed builds tells of the calls it is given, and decides nothing else', () => {
    const trace = 0x7ff00000;
    for (const architecture of names) {
      const { family, audit, bit } = architectures[architecture];
      const observation = programs.get(`${family} observation`)!;
      const told = [...Array(601).keys()].filter((number) => {
        const data = { number: (number | bit) >>> 0, architecture: audit, args: [] };
        const verdict = runFilter(observation, data);
        assert.ok(verdict === trace || verdict === allow);
        return verdict === trace;
      });
      // x86-64 and x32 share a filter, in which each has the numbers of the other, too.
      const sharing =
        family === 'x86' && architecture !== 'i386' ? (['x86-64', 'x32'] as const) : [architecture];
      const wanted = sharing.flatMap((one) => [tables[one].get('openat'), tables[one].get('execve')]);
      const sorted = [...new Set(wanted)].filter((number) => number !== undefined).sort((x, y) => x - y);
      assert.deepEqual(told, sorted, architecture);
    }
    assert.equal(
      runFilter(programs.get('x86 observation')!, { number: 1, architecture: 8, args: [] }),
      allow,
    );
  });

  test('numbers 0 to 600 are treated as the checked-in table says', () => {
    const lines = names.flatMap((architecture) => {
      const { family, audit, bit } = architectures[architecture];
      const byNumber = new Map([...tables[architecture]].map(([name, number]) => [number, name]));
      return Array.from({ length: 601 }, (_, number) => {
        const data = { number: (number | bit) >>> 0, architecture: audit, args: [] };
        const verdict = inWords(runFilter(programs.get(`${family} nothing`)!, data));
        return `${architecture} ${number} ${byNumber.get(number) ?? '-'} ${verdict}`;
      });
    });
    assertGolden(`${lines.join('\n')}\n`, 'sandbox/system-calls.txt');
  });

  for (const [architecture, file, pattern] of [
    ['x86-64', 'x86_64-linux-gnu/asm/unistd_64.h', /^#define __NR_(\w+) (\d+)$/gm],
    ['i386', 'x86_64-linux-gnu/asm/unistd_32.h', /^#define __NR_(\w+) (\d+)$/gm],
    ['x32', 'x86_64-linux-gnu/asm/unistd_x32.h', /^#define __NR_(\w+) \(__X32_SYSCALL_BIT \+ (\d+)\)$/gm],
  ] as const) {
    const header = join('/usr/include', file);
    const skip = existsSync(header) ? false : `no ${header}`;
    test(`the numbers of ${architecture} are those of this machine's headers`, { skip }, () => {
      const found = [...readFileSync(header, 'utf8').matchAll(pattern)];
      assert.ok(found.length > 300);
      for (const [, name, number] of found)
        assert.equal(tables[architecture].get(name!), Number(number), name);
    });
  }

  // Since Linux 5.1 a new call has one number everywhere (Documentation/process/adding-syscalls.rst); those for 64-bit
  // times, from 403 on, are of 32-bit architectures alone. So the table of i386, of which there is a header, has them too.
  test('calls newer than Linux 5.1 have one number on all architectures', () => {
    for (const architecture of ['aarch64', 'arm'] as const) {
      const others = architecture === 'arm' ? ['i386', 'aarch64'] : ['x86-64', 'i386'];
      const found = [...tables[architecture]].filter(([, number]) => number >= 403 && number < 0xf0000);
      assert.ok(found.length > 45);
      for (const [name, number] of found) {
        for (const other of others as Architecture[]) {
          const theirs = tables[other].get(name);
          if (theirs !== undefined) assert.equal(number, theirs, `${architecture} ${name}, as on ${other}`);
        }
      }
    }
  });

  // aarch64 has no table of its own in the kernel: it is the generic one, with what its asm/unistd.h asks for.
  const generic = '/usr/include/asm-generic/unistd.h';
  const noGeneric = existsSync(generic) ? false : `no ${generic}`;
  test("the numbers of aarch64 are those of this machine's generic header", { skip: noGeneric }, () => {
    const wanted = [
      'RENAMEAT',
      'NEW_STAT',
      'SET_GET_RLIMIT',
      'TIME32_SYSCALLS',
      'SYS_CLONE3',
      'MEMFD_SECRET',
    ];
    const definitions = wanted.map((name) => `-D__ARCH_WANT_${name}`);
    const macros = execFileSync(
      'cc',
      ['-E', '-dM', '-x', 'c', ...definitions, '-D__BITS_PER_LONG=64', generic],
      { encoding: 'utf8' },
    );
    const values = new Map(
      [...macros.matchAll(/^#define __NR(\w+) (\w+)$/gm)].map(([, name, value]) => [name!, value!]),
    );
    const numberOf = (name: string): number => {
      const value = values.get(name)!;
      return value.startsWith('__NR') ? numberOf(value.slice('__NR'.length)) : Number(value);
    };
    // `_arch_specific_syscall` and `_syscalls` are where numbers begin and end.
    const calls = [...values.keys()].filter((name) => /^_(?!arch_specific_syscall$|syscalls$)/.test(name));
    assert.ok(calls.length > 280);
    // A header may be newer than the table.
    const newest = Math.max(...tables.aarch64.values());
    for (const name of calls) {
      const number = numberOf(name);
      if (number <= newest) assert.equal(tables.aarch64.get(name.slice(1)), number, name);
    }
    const last = numberOf('_syscalls');
    const known = new Set(calls.map((name) => name.slice(1)));
    for (const [name, number] of tables.aarch64)
      assert.ok(known.has(name) || number >= last, `${name}: the header has no such call`);
  });

  // No header of a machine that is not ARM has the numbers of its EABI. These are what Debian's gdb 13 calls them, without
  // the prefix of those that are of this processor alone.
  test('the numbers of arm are those that a debugger knows', () => {
    const text = readFileSync(join(packageRoot, 'test', 'fixtures', 'native', 'arm-calls.tsv'), 'utf8');
    const names = new Map(
      [...text.matchAll(/^(\d+)\t(\w+)$/gm)].map(([, number, name]) => [Number(number), name!]),
    );
    const compared = [...tables.arm].filter(([, number]) => names.has(number));
    assert.ok(compared.length > 330, `${compared.length}`);
    for (const [name, number] of compared) assert.equal(name, names.get(number), `${number}`);
  });
});

function inWords(answer: number): string {
  if (answer === allow) return 'allowed';
  const errno = Object.entries(errnos).find(([, number]) => answer === (0x00050000 | number));
  return errno?.[0] ?? `0x${answer.toString(16)}`;
}

/** The table of an architecture in the source, by name. */
function callNumbers(architecture: Architecture): Map<string, number> {
  const file = join(packageRoot, 'native', 'launch', 'linux', `seccomp-calls-${architecture}.h`);
  const entries = readFileSync(file, 'utf8').matchAll(/\{"(\w+)", (\w+)\}/g);
  return new Map([...entries].map(([, name, number]) => [name!, Number(number)]));
}

/** By processor family and what is left out. */
function compilePrograms(): Map<string, Instruction[]> {
  const program = join(scratch, 'seccomp-program');
  const sources = [
    'test/fixtures/native/seccomp-program.cc',
    'native/launch/linux/seccomp-program.cc',
    'native/launch/linux/seccomp-rules.cc',
  ].map((source) => join(packageRoot, source));
  const sanitizers = ['-fsanitize=address,undefined', '-fno-sanitize-recover=all'];
  execFileSync('c++', [
    '-std=c++20',
    '-O1',
    '-g',
    ...sanitizers,
    `-I${packageRoot}/native`,
    '-o',
    program,
    ...sources,
  ]);
  const lines = execFileSync(program, { encoding: 'utf8', maxBuffer: 2 ** 26 })
    .trimEnd()
    .split('\n');
  return new Map(
    lines.map((line) => {
      const [family, leftOut, ...instructions] = line.split(' ');
      return [`${family} ${leftOut}`, instructions.map(toInstruction)];
    }),
  );
}

function toInstruction(digits: string): Instruction {
  const [code, jumpTrue, jumpFalse, operand] = [
    digits.slice(0, 4),
    digits.slice(4, 6),
    digits.slice(6, 8),
    digits.slice(8),
  ].map((part) => Number.parseInt(part, 16)) as [number, number, number, number];
  return { code, jumpTrue, jumpFalse, operand };
}
