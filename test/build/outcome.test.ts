import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AirplantError, type ErrorCode } from '../../ts/base/errors.js';
import { combineExitStatus, exitStatusOf, judge, statusOf } from '../../ts/build/outcome.js';
import type { Attempt, BuildStatus } from '../../ts/build/records.js';

const errors = (...codes: ErrorCode[]) => codes.map((code) => new AirplantError(code, 'x'));

/** What an error by itself means: the status in a result, and the exit status. */
const meanings: readonly (readonly [ErrorCode, BuildStatus, number])[] = [
  ['ERR_BUILD_FAILED', 'PermanentFailure', 100],
  ['ERR_BUILDER_MISSING', 'PermanentFailure', 100],
  ['ERR_BUILDER_EXEC', 'PermanentFailure', 100],
  ['ERR_BUILD_TRANSIENT', 'TransientFailure', 1],
  ['ERR_DISK_FULL', 'TransientFailure', 1],
  ['ERR_BUILD_TIMEOUT', 'TimedOut', 101],
  ['ERR_LOG_LIMIT', 'LogLimitExceeded', 1],
  ['ERR_NOT_DETERMINISTIC', 'NotDeterministic', 104],
  ['ERR_CHECK_IMPOSSIBLE', 'MiscFailure', 1],
  ['ERR_HASH_MISMATCH', 'HashMismatch', 102],
  ['ERR_OUTPUT_MISSING', 'OutputRejected', 1],
  ['ERR_OUTPUT_REJECTED', 'OutputRejected', 1],
  ['ERR_UNSUPPORTED_FILE', 'OutputRejected', 1],
  ['ERR_DEPENDENCY_FAILED', 'DependencyFailed', 100],
  ['ERR_DERIVATION_INVALID', 'InputRejected', 1],
  ['ERR_PLATFORM', 'InputRejected', 1],
  ['ERR_ABORTED', 'Cancelled', 130],
  ['ERR_SANDBOX_SETUP', 'MiscFailure', 1],
];
for (const [code, status, exitStatus] of meanings) {
  test(`${code} is ${status}, exit status ${exitStatus}`, () => {
    const [error] = errors(code);
    assert.equal(statusOf(error), status);
    assert.equal(exitStatusOf([error]), exitStatus);
  });
}

/** Worked out from Nix's bits: 100 with a failure, 1 more for a time-out, 2 more for a hash mismatch. */
const combinations: readonly (readonly [number, ...ErrorCode[]])[] = [
  [0],
  [100, 'ERR_BUILD_FAILED', 'ERR_BUILD_FAILED'],
  [101, 'ERR_BUILD_FAILED', 'ERR_BUILD_TIMEOUT'],
  [102, 'ERR_BUILD_FAILED', 'ERR_HASH_MISMATCH'],
  [103, 'ERR_BUILD_TIMEOUT', 'ERR_HASH_MISMATCH'],
  [108, 'ERR_BUILD_FAILED', 'ERR_NOT_DETERMINISTIC'],
  [111, 'ERR_NOT_DETERMINISTIC', 'ERR_HASH_MISMATCH', 'ERR_BUILD_TIMEOUT'],
  [103, 'ERR_HASH_MISMATCH', 'ERR_BUILD_FAILED', 'ERR_BUILD_TIMEOUT'],
  // What has no bit neither adds nor takes away.
  [100, 'ERR_OUTPUT_REJECTED', 'ERR_BUILD_FAILED'],
  [101, 'ERR_LOG_LIMIT', 'ERR_BUILD_TIMEOUT', 'ERR_OUTPUT_MISSING'],
  [102, 'ERR_BUILD_TRANSIENT', 'ERR_HASH_MISMATCH'],
  [100, 'ERR_ABORTED', 'ERR_BUILD_FAILED'],
  [104, 'ERR_OUTPUT_MISSING', 'ERR_NOT_DETERMINISTIC'],
  [1, 'ERR_BUILD_TRANSIENT', 'ERR_OUTPUT_REJECTED'],
];
for (const [exitStatus, ...codes] of combinations) {
  test(`exit status ${exitStatus} for ${codes.join(' and ') || 'no failure'}`, () => {
    assert.equal(exitStatusOf(errors(...codes)), exitStatus);
    assert.equal(exitStatusOf(errors(...codes.toReversed())), exitStatus);
  });
  test(`exit status ${exitStatus} for ${codes.join(' beside ') || 'nothing'}, in two pieces of work`, () => {
    const [first = 0, second = 0] = [codes.slice(0, 1), codes.slice(1)].map((some) =>
      exitStatusOf(errors(...some)),
    );
    assert.equal(combineExitStatus(first, second), exitStatus);
    assert.equal(combineExitStatus(second, first), exitStatus);
  });
}

test('what is no error of ours is a failure of another kind', () => {
  assert.equal(exitStatusOf([new Error('anything')]), 1);
  assert.equal(statusOf(new Error('x')), 'MiscFailure');
});

test('a failure of a builder that may have talked to the world is a transient one', () => {
  const attempt = { outcome: { kind: 'exited', status: 2 }, lastLines: [] } as unknown as Attempt;
  assert.throws(() => judge({ drvPath: '/nix/store/x.drv', worldly: true, wanted: 'all' }, attempt), {
    code: 'ERR_BUILD_TRANSIENT',
    message: "builder for '/nix/store/x.drv' failed with exit code 2",
  });
});

test('a failure with hardly any disk left is a transient one, with a note', () => {
  const full = (outcome: Attempt['outcome']) => () =>
    judge({ drvPath: '/nix/store/x.drv', worldly: false, wanted: 'all' }, {
      outcome,
      diskNearlyFull: true,
      lastLines: [],
    } as unknown as Attempt);
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

test('what was wanted of a derivation is part of what Nix calls its build', () => {
  const attempt = { outcome: { kind: 'timeout', afterSeconds: 5 }, lastLines: [] } as unknown as Attempt;
  assert.throws(() => judge({ drvPath: '/x.drv', worldly: false, wanted: ['dev', 'out'] }, attempt), {
    message: "building of '/x.drv!dev,out' from .drv file timed out after 5 seconds",
  });
});

test("the messages are Nix's", () => {
  const message = (outcome: Attempt['outcome']) => {
    try {
      judge({ drvPath: '/nix/store/x.drv', worldly: false, wanted: 'all' }, {
        outcome,
        lastLines: ['last'],
      } as unknown as Attempt);
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
    message({ kind: 'timeout', afterSeconds: 5 }),
    "building of '/nix/store/x.drv!*' from .drv file timed out after 5 seconds",
  );
  assert.equal(
    message({ kind: 'log-limit', limitBytes: 10 }),
    "building of '/nix/store/x.drv!*' from .drv file killed after writing more than 10 bytes of log output",
  );
  assert.equal(
    message({ kind: 'silent', afterSeconds: 5 }),
    "building of '/nix/store/x.drv!*' from .drv file timed out after 5 seconds of silence",
  );
});
