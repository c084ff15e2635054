import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { type BuildResult, derivation, openStore } from '../../ts/index.js';
import type { SandboxEntry } from '../../ts/sandbox/spec.js';
import { compileFixture } from '../support/compile.js';
import { findProgram, requires } from '../support/requires.js';
import { bind, directory, freshDirectory, runSpec, sandboxSpec } from '../support/sandbox.js';
import { temporaryDirectory } from '../support/temporary.js';

// What a builder gets from calls that the filter is for. Each is made in a real build, and once more in a sandbox that
// differs by the filter alone: there it must succeed, so that it is the filter that stops it.
const needs = requires('user-namespaces', 'program:busybox', 'program:cc');

interface Row {
  /** In a build. */
  readonly build: string;
  /** Without the filter: `ok` unless the kernel has its own objections, depending on its version and its settings. */
  readonly bare?: RegExp;
}

const refused: Row = { build: 'EPERM' };
const unsupported: Row = { build: 'EOPNOTSUPP' };
const absent: Row = { build: 'ENOSYS' };
const noFamily: Row = { build: 'EAFNOSUPPORT' };
const free: Row = { build: 'ok' };
/** File systems without extended attributes or flags, kernels without a family or a call. */
const perhaps = (row: Row, other: RegExp): Row => ({ ...row, bare: other });
const fileSystem = /^(ok|EOPNOTSUPP|ENOTTY|ENODATA)$/;
/** Older kernels, their settings, and the filters of containers. */
const forbidden = /^(ok|EPERM|ENOSYS)$/;
const terminal = /^(ok|EIO)$/; // EIO: dev.tty.legacy_tiocsti is 0

const native: Readonly<Record<string, Row>> = {
  chmod: refused,
  'chmod-high': refused,
  fchmod: refused,
  fchmodat: refused,
  fchmodat2: perhaps(refused, /^(ok|ENOSYS)$/),
  open: refused,
  openat: refused,
  'openat-tmpfile': perhaps(refused, /^(ok|EOPNOTSUPP|EISDIR)$/),
  'open-other-mode': free,
  creat: refused,
  mknod: refused,
  mknodat: refused,
  // S2: the kernel's own doing, so there is no rule.
  mkdir: { build: 'dropped', bare: /^dropped$/ },
  setxattr: perhaps(unsupported, fileSystem),
  lsetxattr: perhaps(unsupported, fileSystem),
  fsetxattr: perhaps(unsupported, fileSystem),
  getxattr: perhaps(unsupported, fileSystem),
  listxattr: perhaps(unsupported, fileSystem),
  listxattrat: perhaps(unsupported, /^(ok|ENOSYS|EOPNOTSUPP)$/),
  removexattr: perhaps(unsupported, fileSystem),
  setflags: perhaps(unsupported, fileSystem),
  fssetxattr: perhaps(unsupported, fileSystem),
  file_setattr: perhaps(absent, /^(ok|ENOSYS|EINVAL|EOPNOTSUPP)$/),
  tiocsti: perhaps(refused, terminal),
  'tiocsti-high': perhaps(refused, terminal),
  // Not a virtual console.
  tioclinux: perhaps(refused, /^ENOTTY$/),
  'tioclinux-high': perhaps(refused, /^ENOTTY$/),
  io_uring: perhaps(absent, forbidden),
  openat2: perhaps(absent, forbidden),
  clone3: perhaps(absent, forbidden),
  keyctl: perhaps(absent, forbidden),
  add_key: perhaps(absent, forbidden),
  userfaultfd: perhaps(absent, forbidden),
  bpf: perhaps(absent, /^(EINVAL|EPERM)$/),
  fanotify: perhaps(refused, forbidden),
  // As the kernel itself answers whoever is not its root.
  settimeofday: perhaps(refused, /^(ok|EPERM)$/),
  modify_ldt: perhaps(absent, /^(ok|ENOSYS)$/),
  unknown: perhaps(absent, /^ENOSYS$/),
  vsock: perhaps(noFamily, /^(ok|EAFNOSUPPORT)$/),
  'vsock-high': perhaps(noFamily, /^(ok|EAFNOSUPPORT)$/),
  alg: perhaps(noFamily, /^(ok|EAFNOSUPPORT)$/),
  'vsock-pair': perhaps(noFamily, /^(EOPNOTSUPP|EAFNOSUPPORT)$/),
  uevent: { build: 'EPROTONOSUPPORT' },
  // Once a builder has made itself a network namespace it has the capability that is lacking here.
  packet: perhaps(noFamily, /^EPERM$/),
  'inet-packet': perhaps(noFamily, /^EPERM$/),
  route: free,
  inet6: free,
  'unix-pair': free,
};

const i386: Readonly<Record<string, Row>> = {
  ...Object.fromEntries(
    ['chmod', 'fchmod', 'fchmodat', 'open', 'openat', 'creat', 'mknod', 'mknodat'].map((call) => [
      call,
      refused,
    ]),
  ),
  fchmodat2: perhaps(refused, /^(ok|ENOSYS)$/),
  setxattr: perhaps(unsupported, fileSystem),
  getxattr: perhaps(unsupported, fileSystem),
  listxattr: perhaps(unsupported, fileSystem),
  removexattr: perhaps(unsupported, fileSystem),
  tiocsti: perhaps(refused, terminal),
  io_uring: perhaps(absent, forbidden),
  openat2: perhaps(absent, forbidden),
  keyctl: perhaps(absent, forbidden),
  userfaultfd: perhaps(absent, forbidden),
  settimeofday: perhaps(refused, /^(ok|EPERM)$/),
  unknown: perhaps(absent, /^ENOSYS$/),
  vsock: perhaps(noFamily, /^(ok|EAFNOSUPPORT)$/),
  alg: perhaps(noFamily, /^(ok|EAFNOSUPPORT)$/),
  'socketcall-vsock': perhaps(absent, /^(ok|EAFNOSUPPORT)$/),
  // The family is in memory, so no family at all can be had this way.
  'socketcall-inet': absent,
  'socketcall-pair': perhaps(absent, /^(EOPNOTSUPP|EAFNOSUPPORT)$/),
  inet: free,
  semget: free,
};

describe('system calls of a builder', needs, () => {
  const stores = temporaryDirectory('system-calls');
  let attempts = 0;

  /** As the builder of a derivation. */
  async function build(
    words: readonly string[],
    settings: Readonly<Record<string, boolean>> = {},
  ): Promise<BuildResult & { log: string }> {
    const probe = compileFixture('system-calls');
    await using store = await openStore({
      store: join(stores, 'root'),
      settings: { 'sandbox-paths': [`/probe=${probe}`], ...settings },
    });
    const wanted = derivation({
      name: `attempt-${++attempts}`,
      system: process.arch === 'arm64' ? 'aarch64-linux' : 'x86_64-linux',
      builder: '/probe',
      args: [...words],
    });
    const run = store.build([wanted]);
    let log = '';
    for await (const event of run) {
      if (event.type === 'build.log') log += Buffer.from(event.chunk).toString();
    }
    const { results } = await run.result;
    return { ...results[0]!, log };
  }

  /** In a sandbox without the filter, otherwise the same. */
  async function bare(words: readonly string[]): Promise<string> {
    const spec = sandboxSpec(['probe', ...words], { filter: 'none' });
    const entries = [...spec.entries, bind(compileFixture('system-calls'), '/bin/probe')];
    return (await runSpec({ ...spec, entries })).log;
  }

  const abis = [
    [
      'native',
      process.arch === 'x64'
        ? native
        : omit(native, /^(chmod-high|open|open-other-mode|creat|mknod|modify_ldt)$/),
    ],
    ...(process.arch === 'x64' ? ([['i386', i386]] as const) : []),
  ] as const;
  for (const [abi, table] of abis) {
    test(`${abi}: what is refused in a build`, async (context) => {
      if (abi === 'i386' && !hasI386()) return context.skip('this kernel runs no 32-bit programs');
      const { log, error, isolation } = await build([abi]);
      assert.equal(error, undefined, log);
      assert.equal(isolation?.filteredSystemCalls, true);
      const expected = Object.fromEntries(Object.entries(table).map(([call, row]) => [call, row.build]));
      assert.deepEqual(outcomes(log), expected);
    });

    test(`${abi}: the same calls succeed in a sandbox without the filter`, async (context) => {
      if (abi === 'i386' && !hasI386()) return context.skip('this kernel runs no 32-bit programs');
      const found = outcomes(await bare([abi]));
      for (const [call, { bare = /^ok$/ }] of Object.entries(table)) {
        assert.match(found[call] ?? 'missing', bare, call);
      }
    });
  }

  function hasI386(): boolean {
    const { status } = spawnSync(compileFixture('system-calls'), ['i386'], { cwd: freshDirectory() });
    return status === 0;
  }

  test('a key of the caller’s user keyring is out of reach', async () => {
    const probe = compileFixture('system-calls');
    const name = `airplant-planted-${process.pid}`;
    const keyring = execFileSync(probe, ['plant-key', name, 'payload'], { encoding: 'utf8' }).trim();
    after(() => spawnSync(probe, ['remove-key', name]));
    assert.equal(await bare(['read-key', keyring, name]), 'read-key: payload\n');
    assert.equal((await build(['read-key', keyring, name])).log, 'read-key: ENOSYS\n');
  });

  test('with filter-syscalls = false nothing is filtered, and the result says so', async () => {
    const { log, isolation } = await build(['native'], { 'filter-syscalls': false });
    assert.equal(outcomes(log)['fchmod'], 'ok');
    assert.equal(outcomes(log)['openat2'], 'ok');
    assert.equal(isolation?.filteredSystemCalls, false);
    assert.match(isolation.shortfalls.join(), /System calls are not filtered/);
  });

  test('process 2 has one filter, and everything it starts has it too', async () => {
    const { log } = await runSpec(
      sandboxSpec(['busybox', 'sh', '-c', 'busybox grep Seccomp: /proc/self/status']),
    );
    assert.equal(log, 'Seccomp:\t2\n');
  });
});

describe('ordinary programs under the filter', needs, () => {
  const host = ['/usr', '/bin', '/lib', '/lib64', '/etc/alternatives', '/etc/ld.so.cache'];

  /** A script with this machine's own programs. */
  async function run(script: string): Promise<string> {
    const spec = sandboxSpec(['bash', '-euc', script]);
    const own = spec.entries.filter(({ target }) => !target.startsWith('/bin/'));
    const binds = host.map((path) =>
      bind(path, path, { optional: true, follow: false } as Partial<SandboxEntry>),
    );
    const env = [
      ['PATH', '/usr/bin:/bin'],
      ['HOME', '/build'],
    ] as const;
    const { log, exit } = await runSpec({
      ...spec,
      entries: [...binds, directory('/etc'), ...own],
      command: { ...spec.command, env },
    });
    assert.deepEqual(
      { kind: exit.kind, status: exit.kind === 'exited' && exit.status },
      { kind: 'exited', status: 0 },
      log,
    );
    return log;
  }

  const scripts: Readonly<Record<string, string>> = {
    'cc make': `printf 'int main() { return 0; }\\n' > a.c; printf 'a: a.c\\n\\tcc -o a a.c\\n' > Makefile; make -j2; ./a`,
    python3: `python3 -c '
import os, pty, shutil, socket, subprocess, tempfile, threading
thread = threading.Thread(target=lambda: None); thread.start(); thread.join()
assert subprocess.run(["true"]).returncode == 0
open("a", "w").close(); shutil.copy2("a", "b"); shutil.copytree("/etc", "etc", symlinks=True)
left, right = socket.socketpair(); left.send(b"x"); assert right.recv(1) == b"x"
server = socket.create_server(("127.0.0.1", 0)); socket.create_connection(server.getsockname())
assert socket.if_nameindex()
pid, fd = pty.fork()
if pid == 0: os._exit(0)
os.waitpid(pid, 0)'`,
    tar: 'mkdir -p d/e; echo x > d/e/f; ln -s f d/e/l; tar cf d.tar d; mkdir o; tar xf d.tar -C o; diff -r d o/d',
    cp: 'mkdir -p d; echo x > d/f; chmod 444 d/f; cp -a d e; cp --preserve=mode,timestamps d/f g; mv d h; ls -la . | cat; install -m755 g i',
    git: 'git init -q r; cd r; echo x > f; git add f; git -c user.name=a -c user.email=b commit -qm c; git status --short',
    bwrap: 'bwrap --unshare-user --unshare-ipc --unshare-net --ro-bind / / --tmpfs /tmp true',
  };
  for (const [programs, script] of Object.entries(scripts)) {
    const wanted = programs.split(' ').map((program) => `program:${program}` as const);
    const missing = wanted.find((program) => !findProgram(program.slice('program:'.length)));
    test(programs, { skip: missing ? `no ${missing}` : false }, async () => {
      await run(script);
    });
  }
});

function outcomes(log: string): Record<string, string> {
  return Object.fromEntries(
    log
      .trimEnd()
      .split('\n')
      .map((line) => line.trimEnd().split(': ') as [string, string]),
  );
}

function omit<Value>(table: Readonly<Record<string, Value>>, names: RegExp): Readonly<Record<string, Value>> {
  return Object.fromEntries(Object.entries(table).filter(([name]) => !names.test(name)));
}
