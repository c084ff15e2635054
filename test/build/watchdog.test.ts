import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { Watchdog } from '../../ts/build/watchdog.js';

const none = { timeoutSeconds: 0, maxSilentSeconds: 0, maxLogBytes: 0 };

function watch(limits: Partial<typeof none>) {
  const verdicts: unknown[] = [];
  const watchdog = new Watchdog({ ...none, ...limits }, (verdict) => verdicts.push(verdict));
  watchdog.start();
  return { verdicts, watchdog };
}

test('the time before the builder runs does not count', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const verdicts: unknown[] = [];
  const limits = { ...none, timeoutSeconds: 10, maxSilentSeconds: 5 };
  const watchdog = new Watchdog(limits, (verdict) => verdicts.push(verdict));
  t.mock.timers.tick(60_000);
  watchdog.output(1);
  watchdog.hold()();
  assert.deepEqual(verdicts, []);
  watchdog.start();
  t.mock.timers.tick(5_000);
  assert.deepEqual(verdicts, [{ kind: 'silent', afterSeconds: 5 }]);
});

test('the whole time counts, output or not', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { verdicts, watchdog } = watch({ timeoutSeconds: 10 });
  t.mock.timers.tick(9_000);
  watchdog.output(1);
  assert.deepEqual(verdicts, []);
  t.mock.timers.tick(1_000);
  assert.deepEqual(verdicts, [{ kind: 'timeout', afterSeconds: 10 }]);
});

test('a log over its limit is reported once, a stopped watchdog not at all', () => {
  const { verdicts, watchdog } = watch({ maxLogBytes: 10 });
  assert.equal(watchdog.output(10), true);
  assert.equal(watchdog.output(1), false);
  watchdog.output(1);
  assert.deepEqual(verdicts, [{ kind: 'log-limit', limitBytes: 10 }]);
  const stopped = watch({ maxLogBytes: 1 });
  stopped.watchdog.stop();
  stopped.watchdog.output(5);
  assert.deepEqual(stopped.verdicts, []);
});

test('output puts the end of silence off', async () => {
  const { verdicts, watchdog } = watch({ maxSilentSeconds: 0.15 });
  for (let i = 0; i < 5; i++) {
    await new Promise((resolve) => setTimeout(resolve, 60));
    watchdog.output(1);
  }
  assert.deepEqual(verdicts, []);
  await new Promise((resolve) => setTimeout(resolve, 400));
  assert.deepEqual(verdicts, [{ kind: 'silent', afterSeconds: 0.15 }]);
});

test('a builder that is made to wait is not silent', async () => {
  const { verdicts, watchdog } = watch({ maxSilentSeconds: 0.1 });
  const release = watchdog.hold();
  await new Promise((resolve) => setTimeout(resolve, 350));
  assert.deepEqual(verdicts, []);
  release();
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.deepEqual(verdicts, [{ kind: 'silent', afterSeconds: 0.1 }]);
});

test('a limit beyond 24 days does not fire at once', () => {
  const timer = mock.method(globalThis, 'setTimeout');
  const { watchdog } = watch({ timeoutSeconds: 10_000_000 });
  assert.equal(timer.mock.calls[0]?.arguments[1], 2 ** 31 - 1);
  watchdog.stop();
  timer.mock.restore();
});
