import assert from 'node:assert/strict';
import { test } from 'node:test';
import { currentSystem, systemOf } from '../../ts/base/system.js';

for (const [arch, platform, system] of [
  ['x64', 'linux', 'x86_64-linux'],
  ['x64', 'darwin', 'x86_64-darwin'],
  ['arm64', 'linux', 'aarch64-linux'],
  ['arm64', 'darwin', 'aarch64-darwin'],
  ['ia32', 'linux', 'i686-linux'],
  ['arm', 'linux', 'armv7l-linux'],
  ['ppc64', 'linux', 'powerpc64le-linux'],
  ['loong64', 'linux', 'loongarch64-linux'],
  ['riscv64', 'linux', 'riscv64-linux'],
  ['s390x', 'linux', 's390x-linux'],
  ['constructor', 'linux', 'constructor-linux'],
] as const) {
  test(`${arch} on ${platform} is ${system}`, () => assert.equal(systemOf(arch, platform), system));
}

test('the platform of this process', () => {
  assert.equal(currentSystem(), systemOf(process.arch, process.platform));
});
