import assert from 'node:assert/strict';
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { runDiffoscope } from '../../../ts/build/check/diffoscope.js';
import { mostOutput } from '../../../ts/build/hook/hook-streams.js';
import { callersIdentity } from '../../../ts/sandbox/identity.js';
import { fixturePath } from '../../support/fixtures.js';
import { requires } from '../../support/requires.js';
import { temporaryDirectory } from '../../support/temporary.js';

const directory = temporaryDirectory('diffoscope');
const sealing = { identity: callersIdentity, filterSystemCalls: true, nestedNamespaces: true };
const [a, b] = [fixturePath('check', 'a', 'x.tar'), fixturePath('check', 'b', 'x.tar')];

function script(name: string, text: string): string {
  const program = join(directory, name);
  writeFileSync(program, `#!/bin/sh\n${text}\n`);
  chmodSync(program, 0o755);
  return program;
}

test('the real one: what differs, and the same', requires('program:diffoscope'), async () => {
  const found = await runDiffoscope(a, b);
  assert.equal(found?.outcome, 'differs');
  assert.match(found!.text, /-built at 1795275666[\s\S]*\+built at 1795275667/);
  assert.deepEqual(await runDiffoscope(a, a), { text: '', outcome: 'same' });
});

test(
  'the real one in a sandbox, with what it calls',
  requires('program:diffoscope', 'user-namespaces'),
  async () => {
    const found = await runDiffoscope(a, b, { sealing });
    assert.equal(found?.outcome, 'differs', found?.text);
    assert.match(found!.text, /-built at 1795275666[\s\S]*\+built at 1795275667/);
    assert.deepEqual(await runDiffoscope(a, a, { sealing }), { text: '', outcome: 'same' });
  },
);

test('one that does not end in a sandbox, or cannot begin', requires('user-namespaces'), async () => {
  const sleeper = script('sealed-sleeper', 'setsid sleep 1000 & wait');
  const slept = await runDiffoscope(a, b, { program: sleeper, timeoutSeconds: 1, sealing });
  assert.equal(slept?.outcome, 'timeout');
  // As of a program in a virtual environment: its interpreter is not seen.
  const foreign = join(directory, 'foreign');
  writeFileSync(foreign, `#!${script('interpreter', 'exit 0')}\n`, { mode: 0o755 });
  const text = `${foreign} cannot be executed: ENOENT`;
  assert.deepEqual(await runDiffoscope(a, b, { program: foreign, sealing }), { text, outcome: 'failed' });
});

test('a sandbox that cannot be made is no end of the check', requires('user-namespaces'), async () => {
  const missing = join(directory, 'missing');
  const result = await runDiffoscope(missing, b, { program: script('unused', 'exit 0'), sealing });
  assert.equal(result?.outcome, 'failed');
  assert.match(result!.text, new RegExp(missing));
});

test('not installed, or not to be run: nothing', async () => {
  assert.equal(await runDiffoscope(a, b, { program: a }), undefined);
  assert.equal(await runDiffoscope(a, b, { program: 'no-such-program' }), undefined);
});

test('one that does not end, says too much, or fails', async () => {
  const pidFile = join(directory, 'pid');
  const sleeper = script('sleeper', `echo begun; sleep 1000 & echo $! > ${pidFile}; wait`);
  assert.deepEqual(await runDiffoscope(a, b, { program: sleeper, timeoutSeconds: 1 }), {
    text: 'begun\n',
    outcome: 'timeout',
  });
  assert.ok(isGone(Number(readFileSync(pidFile, 'utf8'))), 'what it had started ended with it');

  const talker = await runDiffoscope(a, b, { program: script('talker', 'exec yes') });
  assert.equal(talker?.outcome, 'too-long');
  assert.equal(talker!.text.length, mostOutput);

  const failing = script('failing', 'echo broken >&2; exit 2');
  assert.deepEqual(await runDiffoscope(a, b, { program: failing }), { text: 'broken\n', outcome: 'failed' });
});

test('cancelled: the reason, and nothing left', async () => {
  const controller = new AbortController();
  const reason = new Error('enough');
  const where = join(directory, 'where');
  const waiting = runDiffoscope(a, b, {
    program: script('waiting', `pwd > ${where}.new; mv ${where}.new ${where}; sleep 1000`),
    signal: controller.signal,
  });
  while (!existsSync(where)) await new Promise((resolve) => setTimeout(resolve, 10));
  controller.abort(reason);
  await assert.rejects(waiting, reason);
  assert.equal(existsSync(readFileSync(where, 'utf8').trim()), false);
});

/** A process that has ended may still be waited for by its new parent. */
function isGone(pid: number): boolean {
  try {
    return /^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'latin1'));
  } catch {
    return true;
  }
}
