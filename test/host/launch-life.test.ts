import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { isAirplantError } from '../../ts/base/errors.js';
import { launchSandbox } from '../../ts/sandbox/launch.js';
import { currentLauncher } from '../../ts/sandbox/launcher.js';
import { endedWithin, goneWithin, processesWith } from '../support/processes.js';
import { longForm, requires } from '../support/requires.js';
import { outputOf, runSpec, scratch, scriptSpec } from '../support/sandbox.js';

const needs = requires('user-namespaces', 'program:busybox');
const launchOnce = fileURLToPath(new URL('programs/launch-once.js', import.meta.url));

let words = 0;
/** A word that no other process on the machine has in its command line. */
function uniqueWord(): string {
  return `airplant-${process.pid}-${++words}-${Math.random().toString(36).slice(2)}`;
}

/** Says `ready`, then refuses to die: ignores signals, and has daemons that have left the session and ignore them, too. */
function stubborn(word: string): string {
  const stay = (is: string) =>
    `trap "" HUP INT TERM QUIT PIPE; ${is}; while :; do sleep 1000; : ${word}; done`;
  return `
    (setsid sh -c '(setsid sh -c '\\''${stay('touch /tmp/one')}'\\'' >/dev/null 2>&1 &)' &)
    (setsid sh -c '${stay('touch /tmp/two')}' &)
    until [ -e /tmp/one ] && [ -e /tmp/two ]; do sleep 0.05; done
    ${stay('echo ready')}`;
}

/** A node process that runs a stubborn sandbox, and the pids that matter. */
async function stubbornCaller(word: string) {
  const caller = spawn(process.execPath, [launchOnce, stubborn(word), 'pids'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const closed = once(caller, 'close');
  let errors = '';
  caller.stderr.on('data', (chunk) => {
    errors += chunk;
  });
  let out = '';
  await new Promise<void>((resolve) => {
    caller.stdout.on('data', (chunk) => {
      out += chunk;
      if (out.includes('ready') && out.includes('pids')) resolve();
    });
  });
  const [, node, launcher, sandbox] = /pids (\d+) (\d+) (\d+)/.exec(out)!.map(Number) as [
    number,
    number,
    number,
    number,
  ];
  assert.ok(processesWith(word).length >= 3, 'builder and daemons run');
  return { node, launcher, sandbox, errorsAtEnd: () => closed.then(() => errors) };
}

describe('how a sandbox ends', needs, () => {
  test('with the builder’s status', async () => {
    for (const status of [0, 1, 77, 255]) {
      const { exit } = await runSpec(scriptSpec(`exit ${status}`));
      assert.equal(exit.kind === 'exited' && exit.status, status);
    }
  });

  test('with the builder’s signal', async () => {
    for (const signal of [1, 2, 6, 9, 11, 15]) {
      const { exit } = await runSpec(scriptSpec(`kill -${signal} $$`));
      assert.equal(exit.kind === 'signalled' && exit.signal, signal);
    }
  });

  test('with what all its processes used', async () => {
    const script =
      '(i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done) & wait; dd if=/dev/zero of=/dev/null bs=48M count=1 2>/dev/null';
    const { exit } = await runSpec(scriptSpec(script));
    assert.ok(exit.usage.userSeconds > 0.02, JSON.stringify(exit.usage));
    assert.ok(
      exit.usage.maxResidentBytes > 40e6 && exit.usage.maxResidentBytes < 200e6,
      JSON.stringify(exit.usage),
    );
    const small = await runSpec(scriptSpec('true'));
    assert.ok(small.exit.usage.maxResidentBytes < 20e6, 'the caller’s memory does not count');
  });

  test('and everything the builder left behind', async () => {
    const word = uniqueWord();
    const daemon = `trap "" TERM HUP; touch /tmp/daemon; while :; do sleep 1000; : ${word}; done`;
    const script = `(setsid sh -c '${daemon}' &); until [ -e /tmp/daemon ]; do sleep 0.05; done; exit 3`;
    const { exit } = await runSpec(scriptSpec(script));
    assert.equal(exit.kind === 'exited' && exit.status, 3);
    assert.deepEqual(processesWith(word), [], 'dead when exit resolves, not some time later');
  });

  test('when asked to', async () => {
    const word = uniqueWord();
    const sandbox = await launchSandbox(scriptSpec(stubborn(word)), {});
    sandbox.kill();
    sandbox.kill();
    assert.equal((await sandbox.exit).kind, 'killed');
    assert.deepEqual(processesWith(word), []);
    sandbox.kill();
  });

  test('by its signal', async () => {
    const word = uniqueWord();
    const abort = new AbortController();
    let ready = () => {};
    const running = new Promise<void>((resolve) => {
      ready = resolve;
    });
    const sandbox = await launchSandbox(scriptSpec(stubborn(word)), {
      signal: abort.signal,
      onLog: () => ready(),
    });
    await running;
    abort.abort();
    assert.equal((await sandbox.exit).kind, 'killed');
    assert.deepEqual(processesWith(word), []);
  });

  test('before it began, or at any moment of that', async () => {
    await assert.rejects(launchSandbox(scriptSpec('true'), { signal: AbortSignal.abort() }), {
      code: 'ERR_ABORTED',
    });
    for (let i = 0; i < 20; i++) {
      const abort = new AbortController();
      const word = uniqueWord();
      const launched = launchSandbox(scriptSpec(stubborn(word)), { signal: abort.signal });
      setTimeout(() => abort.abort(), i * 0.4);
      const exit = await launched.then(
        (sandbox) => sandbox.exit,
        (error) => error.code,
      );
      assert.ok(exit === 'ERR_ABORTED' || exit.kind === 'killed');
      assert.deepEqual(processesWith(word), []);
    }
  });

  test('many at once', async () => {
    const count = longForm ? 500 : 60;
    const logs = await Promise.all(Array.from({ length: count }, (_, i) => outputOf(`echo ${i}; exit 0`)));
    assert.deepEqual(
      logs,
      Array.from({ length: count }, (_, i) => String(i)),
    );
  });
});

describe('the log', needs, () => {
  test('is complete, to the byte, when exit resolves', async () => {
    const { log } = await runSpec(scriptSpec('seq 1 200000'));
    assert.equal(log, Array.from({ length: 200_000 }, (_, i) => `${i + 1}\n`).join(''));
    for (let i = 0; i < 40; i++)
      assert.equal(await outputOf('echo one; ls -d /tmp; echo two'), 'one\n/tmp\ntwo');
  });

  test('comes while the builder runs', async () => {
    const { promise, resolve } = (() => {
      let resolve = (_: string) => {};
      return { promise: new Promise<string>((r) => (resolve = r)), resolve: (text: string) => resolve(text) };
    })();
    const sandbox = await launchSandbox(scriptSpec('echo now; sleep 100'), {
      onLog: (chunk) => resolve(Buffer.from(chunk).toString()),
    });
    assert.equal(await promise, 'now\n');
    sandbox.kill();
    await sandbox.exit;
  });

  test('held by a background process does not keep the sandbox', async () => {
    const start = Date.now();
    assert.equal(await outputOf('sleep 1000 & echo done'), 'done');
    assert.ok(Date.now() - start < 500_000);
  });
});

/** The launcher, from a sandbox of its: the parent of the supervisor of process 1. */
function launcherOf(sandbox: { readonly pid: number }): number {
  const parent = (pid: number) =>
    Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]);
  return parent(parent(sandbox.pid));
}

describe('while the launcher is too busy to listen', needs, () => {
  test('requests wait for it, in order, and none is lost', async () => {
    const sandbox = await launchSandbox(scriptSpec('sleep 1000'));
    const launcher = launcherOf(sandbox);
    process.kill(launcher, 'SIGSTOP');
    const guarded = Array.from({ length: 1000 }, (_, i) =>
      currentLauncher().guard(`${scratch}/guarded-${i}`),
    );
    const waiting = launchSandbox(scriptSpec('echo late; exit 7'));
    sandbox.kill();
    for (const unguard of guarded) unguard();
    process.kill(launcher, 'SIGCONT');
    assert.equal((await sandbox.exit).kind, 'killed');
    const exit = await (await waiting).exit;
    assert.equal(exit.kind === 'exited' && exit.status, 7);
  });

  test('its death is an answer to those that wait, too', async () => {
    const sandbox = await launchSandbox(scriptSpec('sleep 1000'));
    const launcher = launcherOf(sandbox);
    process.kill(launcher, 'SIGSTOP');
    for (let i = 0; i < 1000; i++) currentLauncher().guard(`${scratch}/guarded-${i}`);
    const waiting = launchSandbox(scriptSpec('exit 7'));
    process.kill(launcher, 'SIGKILL');
    sandbox.kill();
    await assert.rejects(sandbox.exit, { code: 'ERR_SYSTEM' });
    await assert.rejects(waiting, { code: 'ERR_SYSTEM' });
    assert.equal(await outputOf('echo again'), 'again');
  });
});

describe('when one of the processes dies', needs, () => {
  test('node: its sandboxes die', async () => {
    const word = uniqueWord();
    const { node, launcher } = await stubbornCaller(word);
    process.kill(node, 'SIGKILL');
    assert.ok(await goneWithin(word, 20_000));
    assert.ok(await endedWithin(launcher, 20_000));
  });

  test('the launcher: its sandboxes die, the caller is told, and the next one works', async () => {
    const word = uniqueWord();
    const { launcher, errorsAtEnd } = await stubbornCaller(word);
    process.kill(launcher, 'SIGKILL');
    assert.ok(await goneWithin(word, 20_000));
    const errors = await errorsAtEnd();
    assert.match(errors, /ERR_SYSTEM/);
    assert.match(errors, /the sandbox launcher was killed by SIGKILL/);
  });

  test('the launcher, under our own feet', async () => {
    const sandbox = await launchSandbox(scriptSpec('sleep 1000'));
    process.kill(launcherOf(sandbox), 'SIGKILL');
    await assert.rejects(sandbox.exit, (error) => isAirplantError(error, 'ERR_SYSTEM'));
    assert.equal(await outputOf('echo again'), 'again');
  });

  test('the supervisor: the sandbox dies and the caller is told', async () => {
    const word = uniqueWord();
    const sandbox = await launchSandbox(scriptSpec(stubborn(word)));
    const supervisor = Number(
      /^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${sandbox.pid}/status`, 'utf8'))![1],
    );
    process.kill(supervisor, 'SIGKILL');
    await assert.rejects(sandbox.exit, (error) => isAirplantError(error, 'ERR_SYSTEM'));
    assert.ok(await goneWithin(word, 20_000));
  });

  test('process 1, killed from outside: that is a signal', async () => {
    const sandbox = await launchSandbox(scriptSpec('sleep 1000'));
    process.kill(sandbox.pid, 'SIGKILL');
    const exit = await sandbox.exit;
    assert.equal(exit.kind === 'signalled' && exit.signal, 9);
  });
});

test('an idle launcher does not keep node alive', needs, () => {
  const { stderr, status } = spawnSync(process.execPath, [launchOnce, 'true'], {
    encoding: 'utf8',
    timeout: 60_000,
  });
  assert.equal(status, 0, stderr);
  assert.match(stderr, /"status":0/);
});
