import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { type BuildResult, type DerivationValue, openStore, type Store } from '../../ts/index.js';
import { requires } from '../support/requires.js';
import { scriptDerivation } from '../support/scripts.js';
import { temporaryDirectory } from '../support/temporary.js';

// Builders that never end. Each is built by two: one who sets a limit, and one who does not and is still waiting when
// the first has given up. That a limit is kept to the second is shown with a clock of its own (test/build/watchdog.test.ts).
const needs = requires('user-namespaces', 'program:busybox');
const directory = temporaryDirectory('time-limits');

test('I7: a builder that stops itself is timed out', needs, async () => {
  const stopped = scriptDerivation('stopped', 'echo started; bb kill -STOP $$; echo > $out');
  await endedOnlyWith({ timeout: 1 }, stopped);
});

test('X6: who writes without end is timed out', needs, async () => {
  const writer = scriptDerivation('writer', 'while echo written; do bb usleep 10000; done');
  await endedOnlyWith({ timeout: 1 }, writer);
});

test('X6: who is silent is ended, and who writes is not', needs, async () => {
  const limit = { 'max-silent-time': 5 };
  await using patient = await open('patient', limit);
  // Long before the silent one, and with more than a hundred lines for every one that is asked of it.
  const writing = await startedBuild(
    patient,
    scriptDerivation('busy', 'while echo written; do bb usleep 30000; done'),
  );
  const silent = scriptDerivation('silent', 'echo started; exec /bin/busybox sleep 1000');
  const { error } = await endedOnlyWith(limit, silent);
  assert.match(error!.message, /silence/);
  await writing.stillRuns();
});

/** The result with the limits, of a derivation that has not ended without them. */
async function endedOnlyWith(
  limits: Readonly<Record<string, number>>,
  wanted: DerivationValue,
): Promise<BuildResult> {
  await using unlimited = await open('unlimited', {});
  const endless = await startedBuild(unlimited, wanted);
  await using limited = await open('limited', limits);
  const { results } = await limited.build([wanted]).result;
  assert.equal(results[0]!.status, 'TimedOut', results[0]!.error?.message);
  await endless.stillRuns();
  return results[0]!;
}

async function open(name: string, settings: Readonly<Record<string, number>>): Promise<Store> {
  return await openStore({
    store: join(directory, name),
    settings: { 'sandbox-paths': ['/bin/busybox'], ...settings },
  });
}

/** A build whose builder has written something; `stillRuns` cancels it, and fails if it had ended before. */
async function startedBuild(store: Store, wanted: DerivationValue): Promise<{ stillRuns(): Promise<void> }> {
  const controller = new AbortController();
  const run = store.build([wanted], { signal: controller.signal });
  let begin = () => {};
  const begun = new Promise<void>((resolve) => {
    begin = resolve;
  });
  const read = (async () => {
    for await (const event of run) if (event.type === 'build.log') begin();
    begin();
  })();
  await begun;
  return {
    async stillRuns() {
      controller.abort();
      await read;
      const { results } = await run.result;
      assert.equal(results[0]!.status, 'Cancelled', 'it has ended by itself');
    },
  };
}
