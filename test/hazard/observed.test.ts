import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { AttemptLog } from '../../ts/build/explain/attempt-log.js';
import type { Attempt } from '../../ts/sandbox/attempt.js';
import { launchSandbox } from '../../ts/sandbox/launch.js';
import type { SandboxSpec } from '../../ts/sandbox/spec.js';
import { compileFixture } from '../support/compile.js';
import { processesWith } from '../support/processes.js';
import { requires } from '../support/requires.js';
import { bind, outputOf, scriptSpec, usualEntries } from '../support/sandbox.js';

// Builders that do not want to be observed, or want whoever observes them to fail.
const needs = requires('user-namespaces', 'program:busybox', 'program:cc');

async function observe(spec: SandboxSpec, options: { signal?: AbortSignal } = {}) {
  const attempts: Attempt[] = [];
  let log = '';
  const sandbox = await launchSandbox(
    { ...spec, observed: true },
    {
      ...options,
      onLog: (chunk) => {
        log += Buffer.from(chunk).toString();
      },
      onAttempt: (attempt) => attempts.push(attempt),
    },
  );
  const exit = await sandbox.exit;
  return { attempts, log, exit };
}

function hostile(what: string): SandboxSpec {
  const program = compileFixture('hostile-tries');
  return scriptSpec(`exec /tries ${what}`, { entries: [...usualEntries(), bind(program, '/tries')] });
}

const expected: Readonly<Record<string, readonly string[]>> = {
  flood: ['/flood/0', '/flood/24999', '/the/last'],
  unreadable: ['/build/xxxxxxxx', '/with\nnewline\x1b[2J\udcff', '/absent'],
  threads: ['/from-a-thread'],
  stops: ['/after-the-stop'],
  traces: [],
  untraced: [],
  forks: ['/a-child'],
};

for (const [what, paths] of Object.entries(expected)) {
  test(`${what}: seen to the end, and none the worse`, needs, async () => {
    const { attempts, exit, log } = await observe(hostile(what));
    assert.deepEqual([exit.kind, exit.kind === 'exited' && exit.status], ['exited', 0], log);
    const seen = new Set(attempts.map(({ path }) => path));
    for (const path of paths) assert.ok(seen.has(path), path);
  });
}

test('however much is tried, no more than so much is remembered, and the last of it is', needs, async () => {
  const log = new AttemptLog();
  for (let i = 0; i < 30_000; i++) {
    log.add({ thread: 2, intent: 'look', errno: 2, flags: 0, path: `/${'x'.repeat(i % 4000)}/${i}` });
  }
  const all = log.all();
  assert.ok(all.reduce((sum, { path }) => sum + path.length, 0) < 5_000_000);
  assert.equal(all.at(-1)!.last, 30_000);
  assert.equal(all.length + log.forgotten, 30_000);
});

test('observed or not, the sandbox is the same', needs, async () => {
  const portrait =
    'grep -E "^(Cap|NoNewPrivs|Uid|Gid|Groups|Seccomp:)" /proc/self/status; ls /proc/self/fd; id; mount | wc -l; ls -l /proc/1/root 2>&1; cat /proc/1/environ 2>&1';
  const usual = await outputOf(`${portrait}; true`);
  const { log } = await observe(scriptSpec(`${portrait}; true`));
  assert.equal(log.trim(), usual);
});

test('what the filter of sealed builds refuses stays refused, and for the same reason', needs, async () => {
  const script = 'echo > f; chmod 4755 f; chmod 2755 f; mkdir d; chmod 6755 d';
  const sealed = await outputOf(`${script}; true`);
  assert.match(sealed, /Operation not permitted/);
  assert.equal((await observe(scriptSpec(`${script}; true`))).log.trim(), sealed);
});

test('cancelled in the middle of a flood, everything is dead at once', needs, async () => {
  const abort = new AbortController();
  const word = `observed-${process.pid}`;
  const run = observe(scriptSpec(`while :; do test -e /${word}; done # ${word}`), { signal: abort.signal });
  for (let i = 0; i < 1000 && processesWith(word).length === 0; i++) await sleep(10);
  assert.ok(processesWith(word).length > 0);
  abort.abort();
  assert.equal((await run).exit.kind, 'killed');
  assert.deepEqual(processesWith(word), []);
});
