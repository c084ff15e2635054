import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type AirplantError, isAirplantError } from '../../ts/base/errors.js';
import { launchSandbox } from '../../ts/sandbox/launch.js';
import type { NetworkHelper } from '../../ts/sandbox/spec.js';
import { compileFixture } from '../support/compile.js';
import { endedWithin, goneWithin, processesWith } from '../support/processes.js';
import { requires } from '../support/requires.js';
import { freshDirectory, runSpec, scriptSpec } from '../support/sandbox.js';

// Helpers of our own making in the place of pasta: good ones, bad ones, and what becomes of each.
const needs = requires('user-namespaces', 'program:busybox', 'program:cc');
const launchOnce = fileURLToPath(new URL('programs/launch-once.js', import.meta.url));

/** A helper that is a shell script; its path is a word no other process has in its command line. */
function helper(script: string, more: Partial<NetworkHelper> = {}): NetworkHelper {
  const program = join(freshDirectory('helper'), `helper-${Math.random().toString(36).slice(2)}`);
  writeFileSync(program, `#!/bin/sh\nPATH=/usr/sbin:/usr/bin:/sbin:/bin\nself=${program}\n${script}\n`);
  chmodSync(program, 0o755);
  return { program, argv: [program, 'argument'], timeoutMilliseconds: 20_000, unreachable: [], ...more };
}

/** Does what helpers do, on the loopback interface; needs no device and reaches nothing. */
const connect = needs.skip ? '' : `${compileFixture('network')} route || exit 9`;
/** Stays, with a child and a daemon that has left the session. */
const stay = `
  setsid sh -c 'kill -STOP $$' "$self" </dev/null >/dev/null 2>&1 &
  sh -c 'kill -STOP $$' "$self" & wait`;

async function failureWith(networkHelper: NetworkHelper): Promise<AirplantError> {
  const marker = join(freshDirectory('marker'), 'started');
  const spec = scriptSpec('echo started', { networkHelper });
  const error = await runSpec(spec).then(
    ({ log }) => assert.fail(`it ran: ${log}`),
    (error) => error,
  );
  assert.ok(isAirplantError(error, 'ERR_NETWORK_HELPER'), String(error));
  assert.ok(!existsSync(marker));
  assert.ok(await goneWithin(networkHelper.program, 10_000), 'nothing of the helper is left');
  return error;
}

describe('a network helper', needs, () => {
  test('is up before the builder starts, and gone when the sandbox is', async () => {
    const good = helper(`${connect}\n${stay}`);
    const { log, exit } = await runSpec(scriptSpec('ip route', { networkHelper: good }));
    assert.equal(exit.kind === 'exited' && exit.status, 0, log);
    assert.match(log, /default dev lo/);
    // No waiting: the end of the sandbox is told when it is gone.
    assert.deepEqual(processesWith(good.program), []);
  });

  test('CVE-2021-21261: has an empty environment, no terminal, and no descriptors but its own', async () => {
    const report = join(freshDirectory('report'), 'report');
    const { message } = await failureWith(
      helper(`
        { tr '\\0' '\\n' < /proc/$$/environ; echo; for fd in /proc/$$/fd/*; do readlink $fd; done; umask; pwd
          cut -d' ' -f5-8 /proc/$$/stat; echo $$; echo "$@"; } > ${report}
        exit 7`),
    );
    assert.match(message, /exited with status 7/);
    const [environment, ...lines] = readFileSync(report, 'utf8').trimEnd().split('\n');
    assert.equal(environment, '');
    const [, ...words] = lines.splice(-1)[0]!.split(' ');
    const pid = lines.pop();
    // Process group, session, terminal (none) of proc_pid_stat(5).
    assert.deepEqual(lines.pop()?.split(' ').slice(0, 3), [pid, pid, '0']);
    assert.deepEqual([words, lines.pop(), lines.pop()], [[], '/', '0077']);
    const descriptors = lines.filter((line) => line !== report && !line.endsWith(`/${report}`));
    // The shell's own: the script, under a number it chose.
    const others = descriptors.filter((line) => !line.includes('helper-'));
    assert.equal(others.length, 3, lines.join(' '));
    assert.match(others[0]!, /^net:\[\d+\]$/);
    assert.match(others[1]!, /^user:\[\d+\]$/);
    assert.match(others[2]!, /^pipe:\[\d+\]$/);
  });

  test('that does not exist is an error with its name', async () => {
    const { message } = await failureWith({ ...helper(''), program: '/nonexistent/pasta', argv: ['pasta'] });
    assert.match(message, /'\/nonexistent\/pasta: exited with status 127: No such file or directory'/);
  });

  test('that is no program is an error', async () => {
    const bad = helper('');
    writeFileSync(bad.program, '\0\0\0');
    assert.match((await failureWith(bad)).message, /Exec format error/);
  });

  test('that dies at once is an error with its last words, which cannot harm a terminal', async () => {
    const { message } = await failureWith(helper(`printf 'no network: \\033[31mred\\n' >&2; exit 3`));
    assert.match(message, /exited with status 3: no network: /);
    assert.doesNotMatch(message, /\x1b/);
    assert.match((await failureWith(helper('kill -KILL $$'))).message, /killed by signal 9/);
  });

  test('that prints a flood of garbage and ends is an error of ordinary length', async () => {
    const { message } = await failureWith(helper('head -c 3000000 /dev/urandom >&2; exit 4'));
    assert.match(message, /exited with status 4/);
    assert.ok(message.length < 5000, `${message.length} characters`);
  });

  test('that hangs is killed at its time limit, with all it has started', async () => {
    const { message } = await failureWith(helper(stay, { timeoutMilliseconds: 300 }));
    assert.match(message, /did not bring it up in time/);
  });

  test('that hangs is not waited for when the build is cancelled, whatever grace builders have', async () => {
    const hanging = helper(stay, { timeoutMilliseconds: 2 ** 31 - 1 });
    const abort = new AbortController();
    const launched = launchSandbox(scriptSpec('echo started', { networkHelper: hanging }), {
      signal: abort.signal,
      graceSeconds: 100_000,
    });
    while (processesWith(hanging.program).length < 3) await sleep(10);
    abort.abort();
    await assert.rejects(launched, { code: 'ERR_ABORTED' });
    assert.deepEqual(processesWith(hanging.program), []);
  });

  test('that hangs printing is killed at its time limit', async () => {
    const { message } = await failureWith(
      helper('while :; do echo garbage; done >&2', { timeoutMilliseconds: 300 }),
    );
    assert.match(message, /did not bring it up in time/);
  });

  test('that ends under the builder takes the sandbox along, and that is told', async () => {
    const end = join(freshDirectory('end'), 'now');
    const dying = helper(`${connect}\nuntil [ -e ${end} ]; do sleep 0.05; done; exit 0`);
    const losing = await launchSandbox(scriptSpec('sleep 1000', { networkHelper: dying }));
    writeFileSync(end, '');
    assert.equal((await losing.exit).kind, 'network-lost');
    const killed = helper(`${connect}\n${stay}`);
    const sandbox = await launchSandbox(scriptSpec('sleep 1000', { networkHelper: killed }));
    process.kill(keeperAndHelper(killed).helper, 'SIGKILL');
    assert.equal((await sandbox.exit).kind, 'network-lost');
    assert.ok(await goneWithin(killed.program, 10_000));
  });

  test('dies with its keeper, and so does the sandbox', async () => {
    const good = helper(`${connect}\n${stay}`);
    const sandbox = await launchSandbox(scriptSpec('sleep 1000', { networkHelper: good }));
    const { keeper, helper: main } = keeperAndHelper(good);
    process.kill(keeper, 'SIGKILL');
    assert.equal((await sandbox.exit).kind, 'network-lost');
    assert.ok(await endedWithin(main, 10_000));
    // The only case in which somebody must clear up by hand: nobody is left who knew of the daemon.
    for (const pid of processesWith(good.program)) process.kill(pid, 'SIGKILL');
  });

  test('is killed with a sandbox that is killed, also while it is being set up', async () => {
    const good = helper(`${connect}\n${stay}`);
    const sandbox = await launchSandbox(scriptSpec('sleep 1000', { networkHelper: good }));
    sandbox.kill();
    assert.equal((await sandbox.exit).kind, 'killed');
    assert.deepEqual(processesWith(good.program), []);
    const slow = helper(stay);
    const abort = new AbortController();
    const started = launchSandbox(scriptSpec('true', { networkHelper: slow }), { signal: abort.signal });
    while (processesWith(slow.program).length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    abort.abort();
    await assert.rejects(started, (error) => isAirplantError(error, 'ERR_ABORTED'));
    assert.ok(await goneWithin(slow.program, 10_000));
  });

  for (const victim of ['node', 'launcher', 'supervisor'] as const) {
    test(`dies when ${victim} is killed`, async () => {
      const good = helper(`${connect}\n${stay}`);
      const caller = spawn(process.execPath, [launchOnce, 'echo ready; sleep 1000', 'pids', good.program], {
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      const closed = once(caller, 'close');
      let out = '';
      await new Promise<void>((resolve) => {
        caller.stdout.on('data', (chunk) => {
          out += chunk;
          if (out.includes('ready') && out.includes('pids')) resolve();
        });
      });
      const [node, launcher, sandbox] = /pids (\d+) (\d+) (\d+)/.exec(out)!.slice(1).map(Number);
      const { keeper } = keeperAndHelper(good);
      assert.ok(processesWith(good.program).length >= 2, 'helper and daemon run');
      process.kill({ node, launcher, supervisor: parentOf(sandbox!) }[victim]!, 'SIGKILL');
      assert.ok(await goneWithin(good.program, 20_000), 'helper and daemon are gone');
      assert.ok(await endedWithin(sandbox!, 20_000));
      assert.ok(await endedWithin(keeper, 20_000));
      await closed;
    });
  }
});

test('a network helper needs namespaces of its own to work on', needs, async () => {
  const networkHelper = helper('');
  for (const wrong of [{ network: 'host' as const }, { pid: false }]) {
    const namespaces = { pid: true, ipc: true, uts: true, network: 'private' as const, ...wrong };
    await assert.rejects(runSpec(scriptSpec('true', { networkHelper, namespaces })), {
      code: 'ERR_SANDBOX_SPEC',
    });
  }
});

test('a network that is to be unreachable and cannot be read is refused', needs, async () => {
  for (const wrong of ['10.0.0.0', '10.0.0.0/33', 'fd00::/129', 'example/8', '10.0.0.0/-1', '10.0.0.0/8x']) {
    const { message } = await failureWith(helper(`${connect}\n${stay}`, { unreachable: [wrong] }));
    assert.ok(message.includes(`'${wrong}' (EINVAL)`), message);
  }
});

/** The main process of a helper that runs, and its parent. */
function keeperAndHelper({ program }: NetworkHelper): { keeper: number; helper: number } {
  const pids = processesWith(program).filter((pid) => {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1').startsWith(`/bin/sh\0${program}`);
  });
  const main = pids.find((pid) => !pids.includes(parentOf(pid)));
  assert.ok(main);
  return { keeper: parentOf(main), helper: main };
}

function parentOf(pid: number): number {
  return Number(/^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]);
}
