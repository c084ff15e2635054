import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BuildRequest } from '../../ts/build/records.js';
import type { ResourceGroups } from '../../ts/build/resource-group.js';
import { type AttemptContext, runAttempt } from '../../ts/build/run-attempt.js';
import { placeOf } from '../../ts/build/scratch.js';
import { scriptSpec } from '../support/sandbox.js';

const limits = { timeoutSeconds: 0.1, maxSilentSeconds: 0.05, maxLogBytes: 0 };
const request = { name: 'late', limits, inPlace: true } as Partial<BuildRequest> as BuildRequest;
const usage = { userSeconds: 0, systemSeconds: 0, maxResidentBytes: 0 };
const groups = { make: async () => ({ shortfalls: [] }) } as unknown as ResourceGroups;
const options = { logLines: 10, terminationGrace: 0, ids: { caller: { groups: [] } } };

test('waiting for its turn to be launched is no silence of a builder, and none of its time', async () => {
  const launch: AttemptContext['launch'] = async (_, { signal } = {}) => {
    await sleep(300);
    signal?.throwIfAborted();
    return { pid: 1, exit: Promise.resolve({ kind: 'exited', status: 0, usage }), kill() {} };
  };
  const { outcome } = await runAttempt(
    {
      request,
      place: placeOf('/nowhere', { buildsIn: undefined }),
      spec: scriptSpec('true'),
      lacking: [],
    } as never,
    { signal: new AbortController().signal, onLog: () => undefined, onWarning() {} },
    { options, groups, launch } as unknown as AttemptContext,
  );
  assert.deepEqual(outcome, { kind: 'exited', status: 0 });
});
