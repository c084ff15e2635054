import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { arch } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { compileFixture } from '../support/compile.js';
import { requires } from '../support/requires.js';
import { freshDirectory } from '../support/sandbox.js';

const launchOnce = fileURLToPath(new URL('programs/launch-once.js', import.meta.url));

test(
  'processes are forked and namespaces unshared, never cloned',
  requires('user-namespaces', 'program:busybox', 'program:strace'),
  () => {
    const trace = join(freshDirectory(), 'trace');
    const calls = 'trace=clone,clone3,fork,vfork,unshare,execve';
    execFileSync('strace', ['-f', '-qq', '-e', calls, '-o', trace, process.execPath, launchOnce, 'true'], {
      stdio: 'ignore',
    });
    const lines = readFileSync(trace, 'utf8').split('\n');
    const threads = /CLONE_THREAD/;
    const forks = lines.filter((line) => /\b(clone3?|v?fork)\(/.test(line) && !threads.test(line));
    assert.ok(forks.length >= 4, 'launcher, supervisor, process 1, builder');
    for (const line of forks) {
      // Where another process gets a word in, strace breaks the line off: `SIGCHLD <unfinished ...>`.
      assert.match(
        line,
        /clone\(child_stack=NULL, flags=CLONE_CHILD_CLEARTID\|CLONE_CHILD_SETTID\|SIGCHLD(,| <unfinished)/,
      );
      assert.doesNotMatch(line, /vfork|CLONE_VM|CLONE_VFORK|CLONE_NEW/);
    }
    // The launcher is the only program between node and the builder. A process that nobody may look into hides its
    // arguments from strace, too.
    const programs = lines.flatMap((line) => /execve\(("[^"]*"|0x)/.exec(line)?.[1] ?? []);
    assert.match(programs[1]!, /airplant-launcher"$/);
    assert.match(programs[2]!, /^("\/bin\/sh"|0x)$/);
    const unshared = lines.filter((line) => /unshare\(/.test(line));
    assert.equal(unshared.length, 3);
    const kinds = unshared.map((line) => /unshare\(([A-Z_|]*)/.exec(line)![1]!);
    assert.match(kinds[0]!, /CLONE_NEWUSER/);
    assert.doesNotMatch(kinds[0]!, /CLONE_NEWNET/);
    // By the supervisor while process 1 mounts, so in any order with the builder's.
    assert.deepEqual(kinds.slice(1).sort(), ['CLONE_NEWNET', 'CLONE_NEWNS|CLONE_NEWUSER']);
  },
);

// The numbers are the same on all architectures that number new calls alike; close_range 436, open_tree 428…
const newCalls = { open_tree: 428, move_mount: 429, close_range: 436, mount_setattr: 442 };

describe('on a kernel without', requires('user-namespaces', 'program:busybox', 'program:cc'), () => {
  const { open_tree, move_mount, close_range, mount_setattr } = newCalls;
  const kernels: readonly [string, readonly number[], suites: readonly string[]][] = [
    ['mount_setattr (before 5.12)', [mount_setattr], ['launch-mounts']],
    ['close_range (before 5.9)', [close_range, mount_setattr], ['launch-isolation']],
    ['any of them (before 5.2)', Object.values(newCalls), ['launch-mounts', 'launch-isolation']],
    ['open_tree and move_mount', [open_tree, move_mount], ['launch-mounts']],
    ['keyctl', [arch() === 'x64' ? 250 : 219], ['launch-mounts']],
  ];
  for (const [name, calls, suites] of kernels) {
    for (const suite of suites) {
      test(`${name}: ${suite}`, () => {
        const file = fileURLToPath(new URL(`${suite}.test.js`, import.meta.url));
        const { stdout } = spawnSync(
          compileFixture('without'),
          [calls.join(','), process.execPath, '--test-reporter=tap', file],
          { encoding: 'utf8', env: { ...process.env, NODE_TEST_CONTEXT: undefined } },
        );
        assert.deepEqual(stdout.match(/^ *not ok .*$/gm) ?? [], []);
        assert.match(stdout, /^# pass [1-9]/m);
      });
    }
  }
});

test(
  'a kernel without filters for system calls is refused, and told the setting that does without',
  requires('user-namespaces', 'program:busybox', 'program:cc'),
  () => {
    const program = `
      import { runSpec, scriptSpec } from '${new URL('../support/sandbox.js', import.meta.url)}';
      await runSpec(scriptSpec('echo started')).catch(({ code, details, hint }) => {
        console.log(code, details.step, details.errno);
        console.log(hint);
      });
      console.log((await runSpec(scriptSpec('echo unfiltered', { filter: 'none' }))).log);`;
    const file = join(freshDirectory(), 'try.mjs');
    writeFileSync(file, program);
    const seccomp = arch() === 'x64' ? '317' : '277';
    const out = execFileSync(compileFixture('without'), [seccomp, process.execPath, file], {
      encoding: 'utf8',
    });
    const [error, hint, log] = out.split('\n');
    assert.equal(error, 'ERR_SANDBOX_SETUP seccomp ENOSYS');
    assert.match(hint!, /filter-syscalls = false/);
    assert.equal(log, 'unfiltered');
  },
);

test('nothing of node’s leaks through the launcher', requires('user-namespaces', 'program:busybox'), () => {
  const program = `
    import { openSync, readdirSync, readFileSync } from 'node:fs';
    import { spawn } from 'node:child_process';
    import { launchSandbox } from '${new URL('../../ts/sandbox/launch.js', import.meta.url)}';
    import { scriptSpec } from '${new URL('../support/sandbox.js', import.meta.url)}';
    const sandbox = await launchSandbox(scriptSpec('sleep 100'));
    const parent = (pid) => Number(/^PPid:\\s+(\\d+)/m.exec(readFileSync('/proc/' + pid + '/status', 'utf8'))[1]);
    const launcher = parent(parent(sandbox.pid));
    console.log(readFileSync('/proc/' + launcher + '/environ', 'utf8').length);
    console.log(readdirSync('/proc/' + launcher + '/fd').length);
    console.log(/^SigIgn:\\s+(\\S+)/m.exec(readFileSync('/proc/' + launcher + '/status', 'utf8'))[1]);
    sandbox.kill(); await sandbox.exit;`;
  const file = join(freshDirectory(), 'try.mjs');
  writeFileSync(file, program);
  // A descriptor that is not close-on-exec, inherited by node.
  const out = execFileSync('sh', ['-c', `exec 9</etc/passwd; exec ${process.execPath} ${file}`], {
    encoding: 'utf8',
  });
  const [environment, descriptors] = out.split('\n').map(Number);
  assert.equal(environment, 0);
  // 0, 1, 2, the control socket, and of the one sandbox its life socket.
  assert.equal(descriptors, 5);
});
