import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { SandboxSpec } from '../../ts/sandbox/spec.js';
import { compileFixture } from '../support/compile.js';
import { inheritedDescriptors } from '../support/inherited-limits.js';
import { longForm, requires } from '../support/requires.js';
import { bind, freshDirectory, outputOf, runSpec, sandboxSpec, scriptSpec } from '../support/sandbox.js';

describe('what the builder is', requires('user-namespaces', 'program:busybox'), () => {
  test('all its namespaces differ from the host’s', async () => {
    const kinds = ['user', 'mnt', 'pid', 'ipc', 'uts', 'net', 'cgroup'];
    const seen = await outputOf(kinds.map((kind) => `readlink /proc/self/ns/${kind}`).join(';'));
    const inside = seen.split('\n');
    assert.equal(inside.length, kinds.length);
    for (const [i, kind] of kinds.entries()) {
      assert.match(inside[i]!, new RegExp(`^${kind}:`));
      assert.notEqual(inside[i], readlinkSync(`/proc/self/ns/${kind}`));
    }
  });

  test('the network namespace is the host’s when the spec says so', async () => {
    const namespaces = { pid: true, ipc: true, uts: true, network: 'host' } as const;
    assert.equal(
      await outputOf('readlink /proc/self/ns/net', { namespaces }),
      readlinkSync('/proc/self/ns/net'),
    );
  });

  test('process 2, under a process 1 that shows nothing', async () => {
    assert.equal(await outputOf('echo $$'), '2');
    const script = 'for f in fd/0 root cwd exe; do readlink /proc/1/$f; done; cat /proc/1/environ; echo end';
    assert.equal((await outputOf(`(${script}) 2>/dev/null`)).trim(), 'end');
    assert.equal(await outputOf("tr '\\0' ' ' </proc/1/cmdline"), 'airplant-launcher ');
  });

  test('ids as asked, and no other', async () => {
    assert.equal(await outputOf('id -u; id -g; cat /proc/self/setgroups'), '1000\n100\ndeny');
    // Not the caller's: maps are told in the ids of the namespace around.
    assert.match(await outputOf('cat /proc/self/uid_map'), /^\s*1000\s+1000\s+1$/);
    assert.match(await outputOf('cat /proc/self/gid_map'), /^\s*100\s+100\s+1$/);
    assert.equal(await outputOf('id -u; id -g', { ids: { uid: 0, gid: 0 } }), '0\n0');
  });

  for (const ids of [
    { uid: 1000, gid: 100 },
    { uid: 0, gid: 0 },
  ]) {
    test(`CVE-2022-29162, CVE-2022-27650, CVE-2022-27649: no capability in any set, nor any to gain, as uid ${ids.uid}`, async () => {
      const status = await outputOf('cat /proc/self/status', { ids });
      for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb']) {
        assert.match(status, new RegExp(`^${set}:\\s*0{16}$`, 'm'));
      }
      assert.match(status, /^NoNewPrivs:\s*1$/m);
    });
  }

  test('descriptors 0, 1, 2 only: /dev/null and the log', async () => {
    // ls itself opens the directory it lists.
    const listing = await outputOf('ls -1 /proc/self/fd; readlink /proc/self/fd/0; readlink /proc/self/fd/1');
    assert.match(listing, /^0\n1\n2\n3\n\/dev\/null\n\/dev\/pts\/\d+$/);
  });

  test('no signal ignored or blocked, although node ignores SIGPIPE', async () => {
    // Not under a shell: those ignore SIGQUIT.
    const command = { path: '/bin/busybox', argv: ['cat', '/proc/self/status'], env: [], cwd: '/', umask: 0 };
    const { log } = await runSpec(sandboxSpec([], { command }));
    assert.match(log, /^SigBlk:\s*0{16}\nSigIgn:\s*0{16}$/m);
    const { exit } = await runSpec(scriptSpec('kill -PIPE $$'));
    assert.equal(exit.kind === 'signalled' && exit.signal, 13);
  });

  test('umask, limits, personality and directory of the spec', async () => {
    const spec = sandboxSpec(['sh', '-c', 'umask; ulimit -c; ulimit -n; pwd; cat /proc/self/personality'], {
      command: {
        path: '/bin/busybox',
        argv: [
          'sh',
          '-c',
          'umask; ulimit -c; ulimit -n; ulimit -Hn; pwd; busybox cat /proc/self/personality',
        ],
        env: [['PATH', '/bin']],
        cwd: '/tmp',
        umask: 0o027,
      },
      limits: {
        rlimits: [
          { resource: 'core', soft: 0, hard: 'infinity' },
          { resource: 'nofile', soft: 77, hard: 99 },
        ],
      },
      personality: 0x40000,
    });
    assert.equal((await runSpec(spec)).log, '0027\n0\n77\n99\n/tmp\n00040000\n');
  });

  test('a limit above the inherited one is cut, not an error', async () => {
    const limits = { rlimits: [{ resource: 'nofile', soft: 2 ** 40, hard: 'infinity' }] } as const;
    assert.equal(await outputOf('ulimit -n', { limits }), String(Math.min(2 ** 40, inheritedDescriptors())));
  });

  test('exactly the arguments and environment of the spec, bytes included', async () => {
    const odd = `${String.fromCharCode(0xdcff)}é\n`;
    const spec = sandboxSpec(['busybox', 'printenv', '-0']);
    const command = { ...spec.command, env: [['A', ''] as const, ['ODD', odd] as const] };
    const chunks: Buffer[] = [];
    await runSpec({ ...spec, command: { ...command, argv: ['busybox', 'env'] } }, {}).then(({ log }) =>
      chunks.push(Buffer.from(log, 'utf8')),
    );
    assert.equal(Buffer.concat(chunks).toString(), 'A=\nODD=\u{fffd}é\n\n');
  });

  test('host and domain name', async () => {
    const script = 'hostname; cat /proc/sys/kernel/domainname';
    assert.equal(await outputOf(script), 'localhost\n(none)');
    assert.equal(await outputOf(script, { hostname: 'plant', domainname: 'air' }), 'plant\nair');
  });

  test('a loopback interface that works, and no other', async () => {
    assert.equal(await outputOf("tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d ' '"), 'lo');
    assert.match(await outputOf('ip address'), /LOOPBACK,UP[\s\S]*inet 127\.0\.0\.1\/8/);
    const script = `
      echo hello | nc -l -p 7777 &
      for try in $(seq 300); do nc 127.0.0.1 7777 </dev/null 2>/dev/null && break; sleep 0.1; done`;
    assert.equal(await outputOf(script), 'hello');
  });

  test('control groups without the names the host gives them', async () => {
    for (const line of (await outputOf('cat /proc/self/cgroup')).split('\n'))
      assert.match(line, /^\d+:[^:]*:\/$/);
  });

  test('a session and a process group of its own', async () => {
    assert.equal(await outputOf('cut -d" " -f1,5,6 /proc/$$/stat'), '2 2 2');
  });

  test('no terminal to control, none to open, and a raw one for the log', async () => {
    const { log, exit } = await runSpec(scriptSpec(': </dev/tty; echo opened'));
    assert.ok(exit.kind === 'exited' && exit.status !== 0, log);
    assert.match(log, /No such device or address/);
    assert.doesNotMatch(log, /opened/);
    assert.equal(await outputOf('[ -t 1 ] && echo terminal'), 'terminal');
    assert.equal((await runSpec(scriptSpec("printf 'a\\nb\\rc\\t\\003\\004'"))).log, 'a\nb\rc\t\x03\x04');
  });

  test('the device nodes asked for, working', async () => {
    const script = `
      stat -c '%n %F %t %T' /dev/null /dev/zero /dev/full /dev/random /dev/urandom /dev/tty
      echo gone >/dev/null && head -c 2 /dev/zero | od -An -tx1 && head -c 1 /dev/urandom | wc -c
      (echo x >/dev/full) 2>&1 | grep -c 'No space'; (echo x > /dev/shm/a) && echo shm`;
    assert.equal(
      await outputOf(script),
      [
        '/dev/null character special file 1 3',
        '/dev/zero character special file 1 5',
        '/dev/full character special file 1 7',
        '/dev/random character special file 1 8',
        '/dev/urandom character special file 1 9',
        '/dev/tty character special file 5 0',
        ' 00 00',
        '1',
        '1',
        'shm',
      ].join('\n'),
    );
  });

  test('it sees only its own processes, and cannot signal others', async () => {
    assert.equal(await outputOf('ls /proc | grep -E "^[0-9]+$" | sort -n | head -2'), '1\n2');
    assert.equal(await outputOf('kill -9 1; kill -9 -1 2>/dev/null; echo alive'), 'alive');
    assert.match(await outputOf(`kill -0 ${process.pid + 100000} 2>&1 || true`), /No such process/);
  });

  test('orphans are reaped', async () => {
    const count = longForm ? 10_000 : 200;
    const script = `
      i=0; while [ $i -lt ${count} ]; do (sleep 0 &) ; i=$((i+1)); done
      for try in 1 2 3 4 5 6 7 8 9 10; do
        [ $(grep -l "^State:.Z" /proc/[0-9]*/status 2>/dev/null | wc -l) = 0 ] && break; sleep 0.2
      done
      grep -l "^State:.Z" /proc/[0-9]*/status 2>/dev/null | wc -l`;
    assert.equal(await outputOf(script), '0');
  });

  test('the settings of the kernel cannot be written', async () => {
    const script = 'for f in kernel/core_pattern vm/overcommit_memory; do (echo x >/proc/sys/$f) 2>&1; done';
    const { log } = await runSpec(scriptSpec(script));
    assert.equal(log.match(/Read-only file system|Permission denied/g)?.length, 2, log);
  });

  test('the OOM killer takes it before its caller', async () => {
    const own = Number(readFileSync('/proc/self/oom_score_adj', 'utf8'));
    assert.equal(await outputOf('cat /proc/self/oom_score_adj'), String(Math.max(500, own)));
  });

  test('it cannot make itself immune to the OOM killer', async () => {
    assert.match(
      (await runSpec(scriptSpec('echo -1000 >/proc/self/oom_score_adj'))).log,
      /Permission denied/,
    );
  });
});

describe(
  'what a hostile builder is refused',
  requires('user-namespaces', 'program:busybox', 'program:cc'),
  () => {
    const attempts = async (words: readonly string[], more: Partial<SandboxSpec> = {}) => {
      const spec = sandboxSpec(['probe', ...words], more);
      const entries = [...spec.entries, bind(compileFixture('probe'), '/bin/probe')];
      const { log } = await runSpec({ ...spec, entries });
      return Object.fromEntries(log.split('\n').flatMap((line) => (line ? [line.split(': ')] : [])));
    };

    test('privileges', async () => {
      const refused = {
        tmpfs: 'EPERM',
        unmount: 'EPERM',
        mknod: 'EPERM',
        chroot: 'EPERM',
        setuid: 'EINVAL',
        setgroups: 'EPERM',
        sethostname: 'EPERM',
      };
      assert.deepEqual(await attempts(Object.keys(refused)), refused);
    });

    test('process 1', async () => {
      const words = ['ptrace-1', 'setns-1', 'fds-1', 'mem-1', 'exe-1'];
      for (const outcome of Object.values(await attempts(words)))
        assert.match(String(outcome), /^(EPERM|EACCES|ENOENT)$/);
    });

    test('terminals', async () => {
      const { 'tiocsti-high': high, ...found } = await attempts(['tty', 'tiocsti', 'tiocsti-high', 'pty']);
      assert.deepEqual(found, { tty: 'ENXIO', tiocsti: 'EPERM', pty: '/dev/pts/0' });
      assert.notEqual(high, 'ok');
    });

    test('the caller’s keys', () => {
      const probe = compileFixture('probe');
      const program = `
      import { bind, runSpec, sandboxSpec } from '${new URL('../support/sandbox.js', import.meta.url)}';
      // Without the filter, which refuses the question.
      const spec = sandboxSpec(['probe', 'find-key', 'find-key-by-name'], { filter: 'none' });
      const { log } = await runSpec({ ...spec, entries: [...spec.entries, bind('${probe}', '/bin/probe')] });
      process.stdout.write(log);`;
      const file = join(freshDirectory(), 'try.mjs');
      writeFileSync(file, program);
      for (const session of ['with-key', 'with-named-key']) {
        const withKey = (...command: string[]) =>
          execFileSync(probe, [session, ...command], { encoding: 'utf8' })
            .trim()
            .split('\n');
        assert.deepEqual(withKey(probe, 'find-key'), ['find-key: ok']);
        for (const line of withKey(process.execPath, file)) {
          assert.match(line, /^find-key(-by-name)?: (ENOKEY|EPERM|ENOSYS)$/);
        }
      }
      const [byName] = execFileSync(probe, ['with-named-key', probe, 'find-key-by-name'], {
        encoding: 'utf8',
      }).split('\n');
      assert.equal(byName, 'find-key-by-name: ok', 'outside, the name leads to the keyring');
    });
  },
);

describe('an interactive session', requires('user-namespaces', 'program:busybox'), () => {
  test('keeps descriptors, process and session of the caller', async () => {
    const spec = scriptSpec('readlink /proc/self/ns/pid; id -u', {
      session: 'interactive',
      namespaces: { pid: false, ipc: false, uts: false, network: 'host' },
      ids: { uid: process.geteuid!(), gid: process.getegid!() },
    });
    const entries = [
      ...['/bin', '/usr', '/lib', '/lib64', '/proc', '/dev', '/tmp'].map((path) => ({
        kind: 'bind' as const,
        source: path,
        target: path,
        readOnly: false,
        optional: true,
        follow: false,
        why: 'test',
      })),
      { kind: 'directory' as const, target: '/build', mode: 0o755, why: 'test' },
    ];
    const command = { ...spec.command, path: '/bin/busybox' };
    const { log, exit } = await runSpec({ ...spec, root: { kind: 'tmpfs' }, entries, command });
    assert.deepEqual(log.split('\n').slice(0, 2), [
      readlinkSync('/proc/self/ns/pid'),
      String(process.geteuid!()),
    ]);
    assert.equal(exit.kind === 'exited' && exit.status, 0, log);
  });

  test('with stdio `inherit` has the caller’s three descriptors and no other', () => {
    const program = `
      import { launchSandbox } from '${new URL('../../ts/sandbox/launch.js', import.meta.url)}';
      import { scriptSpec } from '${new URL('../support/sandbox.js', import.meta.url)}';
      const script = 'read line; echo "got $line"; echo oops >&2; ls -1 /proc/self/fd | wc -l; exit 7';
      const sandbox = await launchSandbox(scriptSpec(script, { session: 'interactive' }), { stdio: 'inherit' });
      process.exitCode = (await sandbox.exit).status;`;
    const file = join(freshDirectory(), 'try.mjs');
    writeFileSync(file, program);
    const { status, stdout, stderr } = spawnSync(process.execPath, [file], {
      input: 'a line\n',
      encoding: 'utf8',
    });
    assert.deepEqual({ status, stdout, stderr }, { status: 7, stdout: 'got a line\n4\n', stderr: 'oops\n' });
  });
});
