import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { sealedLimits } from '../../ts/sandbox/limits.js';
import { limitShortfalls } from '../../ts/sandbox/limits-shortfalls.js';
import { requires } from '../support/requires.js';

/** What /proc/self/limits says after `ulimit` commands. */
function limitsAfter(commands: string): string {
  return spawnSync('sh', ['-euc', `${commands}; cat /proc/self/limits`], { encoding: 'utf8' }).stdout;
}

test('a lower hard limit than the constant is named, with what was wanted and got', requires('linux'), () => {
  const found = limitShortfalls(sealedLimits, limitsAfter('ulimit -n 100; ulimit -s 512; ulimit -t 1000'));
  const named = (word: string) => found.filter((sentence) => sentence.includes(word));
  assert.deepEqual(named("'nofile'"), [
    "The limit 'nofile' is 100 instead of 65536: more may not be had here.",
  ]);
  assert.deepEqual(named("'stack'"), [
    "The limit 'stack' is 524288 instead of 8388608: more may not be had here.",
  ]);
  assert.deepEqual(named("'cpu'"), [
    "The limit 'cpu' is 1000 instead of infinity: more may not be had here.",
  ]);
});

test('a lower soft limit is none, nor is a constant below the hard limit', requires('linux'), () => {
  const text = limitsAfter('ulimit -S -n 50');
  const limits = { rlimits: [{ resource: 'nofile', soft: 60, hard: 'infinity' }] } as const;
  assert.deepEqual(limitShortfalls(limits, text), []);
  assert.deepEqual(limitShortfalls(sealedLimits, ''), [], 'what is not said is not made up');
});
