import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { killAtOnce, launchSandbox } from '../../ts/sandbox/launch.js';
import { requires } from '../support/requires.js';
import { runSpec, scriptSpec } from '../support/sandbox.js';

const needs = requires('user-namespaces', 'program:busybox');

/** Aborts a sandbox as soon as it has written `ready`; its whole log, and how it ended. */
async function abortWhenReady(script: string, options: { graceSeconds?: number; reason?: unknown }) {
  const abort = new AbortController();
  let log = '';
  const sandbox = await launchSandbox(scriptSpec(script), {
    signal: abort.signal,
    graceSeconds: options.graceSeconds,
    onLog: (chunk) => {
      log += Buffer.from(chunk).toString();
      if (log.includes('ready')) abort.abort(options.reason);
    },
  });
  return { exit: await sandbox.exit, log };
}

/** A builder and a daemon that has left its session, both of which tidy up when asked to end. */
const tidy = `
  (setsid sh -c 'trap "echo daemon tidied; exit" TERM; touch /tmp/daemon; while :; do sleep 0.05; done' &)
  trap 'sleep 0.3; echo builder tidied; exit 5' TERM
  until [ -e /tmp/daemon ]; do sleep 0.05; done; echo ready; while :; do sleep 0.05; done`;

describe('a sandbox that is to end', needs, () => {
  test('is asked first, all of its processes, and is killed all the same in the end', async () => {
    const { exit, log } = await abortWhenReady(tidy, { graceSeconds: 60 });
    assert.match(log, /daemon tidied/);
    assert.match(log, /builder tidied/);
    assert.equal(exit.kind, 'killed', 'whatever status it gave itself');
  });

  test('is killed after the grace if it does not heed', async () => {
    const stubborn = 'trap "" TERM; echo ready; while :; do sleep 1000; done';
    const { exit } = await abortWhenReady(stubborn, { graceSeconds: 0.2 });
    assert.equal(exit.kind, 'killed');
  });

  test('is not asked where there is no grace, or no use in it', async () => {
    for (const options of [{}, { graceSeconds: 60, reason: killAtOnce }]) {
      const { exit, log } = await abortWhenReady(tidy, options);
      assert.equal(exit.kind, 'killed');
      assert.doesNotMatch(log, /tidied/);
    }
  });

  test('does not end by a SIGTERM of its own to process 1', async () => {
    const { exit, log } = await runSpec(scriptSpec('kill -TERM 1; sleep 0.2; echo alive'));
    assert.deepEqual([exit.kind, log], ['exited', 'alive\n']);
  });
});

// The kernel lets everybody go back to the value inherited, and only CAP_SYS_RESOURCE of the host moves that floor.
test(
  'a builder dies before its caller when memory runs out, and cannot become safer than its caller',
  needs,
  async () => {
    const script =
      'cat /proc/self/oom_score_adj; echo -1000 > /proc/self/oom_score_adj; cat /proc/self/oom_score_adj';
    const { log } = await runSpec(scriptSpec(`exec 2>/dev/null; ${script}`));
    const ours = Number(readFileSync('/proc/self/oom_score_adj', 'utf8'));
    const theirs = log.trim().split('\n').map(Number);
    assert.equal(theirs.length, 2);
    assert.ok(theirs[0]! > ours || ours >= 500, `${theirs} against ${ours}`);
    assert.equal(theirs[1], theirs[0]);
  },
);
