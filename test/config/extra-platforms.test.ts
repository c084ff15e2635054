import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { extraPlatformsOf } from '../../ts/config/extra-platforms.js';
import { settingsHost } from '../../ts/config/host.js';
import { requires } from '../support/requires.js';

const cpu = (flags: string) =>
  `processor\t: 0\nvendor_id\t: x\nflags\t\t: ${flags}\nbugs\t\t: avx2\n\nprocessor\t: 1\n`;
const v1 = 'fpu vme cx8 mmx fxsr sse sse2 cmov';
const v2 = `${v1} pni ssse3 cx16 sse4_1 sse4_2 popcnt lahf_lm`;
const v3 = `${v2} avx avx2 bmi1 bmi2 f16c fma abm movbe`;
const v4 = `${v3} avx512f avx512bw avx512cd avx512dq avx512vl`;

test('a processor is good for its level and those below', () => {
  const levels = (flags: string) => extraPlatformsOf('x86_64-linux', cpu(flags));
  assert.deepEqual(levels(''), ['i686-linux']);
  assert.deepEqual(levels(v1), ['i686-linux', 'x86_64-v1-linux']);
  assert.deepEqual(levels(v2), ['i686-linux', 'x86_64-v1-linux', 'x86_64-v2-linux']);
  assert.equal(levels(v3).at(-1), 'x86_64-v3-linux');
  assert.equal(levels(v4).at(-1), 'x86_64-v4-linux');
  assert.equal(levels(v3.replace('popcnt', '')).at(-1), 'x86_64-v1-linux');
  assert.deepEqual(extraPlatformsOf('x86_64-linux', ''), ['i686-linux']);
  assert.deepEqual(extraPlatformsOf('aarch64-linux', cpu(v4)), []);
});

test('the real Nix finds the same on this machine', requires('linux', 'program:nix'), (t) => {
  const args = ['--extra-experimental-features', 'nix-command', 'show-config', '--json'];
  const env = { PATH: process.env['PATH'], HOME: '/var/empty', NIX_CONF_DIR: '/var/empty' };
  const shown = JSON.parse(spawnSync('nix', args, { encoding: 'utf8', env }).stdout);
  const theirs = shown['extra-platforms'].value as string[];
  // Built without libcpuid, as some distributions do, it knows no levels.
  if (process.arch === 'x64' && theirs.length < 2) return t.skip('this Nix does not look at the processor');
  const ours = [...settingsHost({}).extraPlatforms];
  // Its libcpuid asks only processors of Intel's for AVX-512, so those of others end a level below.
  const unseen = theirs.includes('x86_64-v4-linux') || isIntel() ? [] : ['x86_64-v4-linux'];
  assert.deepEqual(
    ours.filter((platform) => !unseen.includes(platform)),
    theirs,
  );
});

function isIntel(): boolean {
  return /^vendor_id\s*:\s*GenuineIntel$/m.test(readFileSync('/proc/cpuinfo', 'latin1'));
}
