import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AirplantError, type ErrorCode } from '../../ts/base/errors.js';
import { exitStatusOf, judge, statusOf } from '../../ts/build/outcome.js';
import type { Attempt } from '../../ts/build/records.js';

const errors = (...codes: ErrorCode[]) => codes.map((code) => new AirplantError(code, 'x'));

test("exit statuses combine as nix-build's do", () => {
  assert.equal(exitStatusOf([]), 0);
  assert.equal(exitStatusOf(errors('ERR_BUILD_FAILED')), 100);
  assert.equal(exitStatusOf(errors('ERR_BUILD_TIMEOUT')), 101);
  assert.equal(exitStatusOf(errors('ERR_BUILD_FAILED', 'ERR_HASH_MISMATCH')), 102);
  assert.equal(exitStatusOf(errors('ERR_BUILD_TIMEOUT', 'ERR_HASH_MISMATCH')), 103);
  assert.equal(exitStatusOf(errors('ERR_OUTPUT_MISSING')), 1);
  assert.equal(exitStatusOf(errors('ERR_ABORTED')), 130);
  assert.equal(exitStatusOf(errors('ERR_ABORTED', 'ERR_BUILD_FAILED')), 100);
  assert.equal(exitStatusOf([new Error('anything')]), 1);
});

test('statuses are those of BuildResult', () => {
  assert.equal(statusOf(errors('ERR_BUILD_FAILED')[0]), 'PermanentFailure');
  assert.equal(statusOf(errors('ERR_UNSUPPORTED_FILE')[0]), 'OutputRejected');
  assert.equal(statusOf(new Error('x')), 'MiscFailure');
});

test('a failure with hardly any disk left is a transient one, with a note', () => {
  const full = (outcome: Attempt['outcome']) => () =>
    judge('/nix/store/x.drv', { outcome, diskNearlyFull: true, lastLines: [] } as unknown as Attempt);
  for (const outcome of [
    { kind: 'exited', status: 1 },
    { kind: 'signalled', signal: 7 },
  ] as const) {
    assert.throws(full(outcome), (error) => {
      assert.ok(error instanceof AirplantError);
      assert.match(error.message, /\nnote: build failure may have been caused by lack of free disk space$/);
      assert.equal(statusOf(error), 'TransientFailure');
      assert.equal(exitStatusOf([error]), 1);
      return true;
    });
  }
});

test("the messages are Nix's", () => {
  const message = (outcome: Attempt['outcome']) => {
    try {
      judge('/nix/store/x.drv', { outcome, lastLines: ['last'] } as unknown as Attempt);
    } catch (error) {
      assert.ok(error instanceof AirplantError);
      assert.deepEqual(error.details['lastLines'], ['last']);
      return error.message;
    }
    return undefined;
  };
  assert.equal(message({ kind: 'exited', status: 0 }), undefined);
  assert.equal(
    message({ kind: 'exited', status: 3 }),
    "builder for '/nix/store/x.drv' failed with exit code 3",
  );
  assert.equal(
    message({ kind: 'signalled', signal: 9 }),
    "builder for '/nix/store/x.drv' failed due to signal 9 (Killed)",
  );
  assert.equal(
    message({ kind: 'silent', afterSeconds: 5 }),
    "building of '/nix/store/x.drv' timed out after 5 seconds of silence",
  );
});
