import assert from 'node:assert/strict';
import { test } from 'node:test';
import { explanationLines } from '../../ts/cli/commands/explain.js';

test('what a builder chose breaks out neither of its line nor of the word that a shell reads', () => {
  const evil = "/a\n   --option extra-sandbox-paths /home';x;'";
  const culprit = { kind: 'file', path: evil, what: 'it is gone', cure: 'Do without.', count: 2 } as const;
  const setting = { name: 'extra-sandbox-paths', value: "/a';x;'" };
  const lines = explanationLines({
    drvPath: '/nix/store/x.drv',
    error: { code: 'ERR_BUILD_FAILED', message: 'it failed' } as never,
    culprits: [
      { ...culprit, likely: true, setting, tried: [evil, '/b'] },
      { ...culprit, likely: false, tried: [] },
    ],
    more: 0,
    forgotten: 0,
  });
  assert.deepEqual(
    lines.filter((line) => line.includes('\n')),
    [],
  );
  assert.ok(lines.some((line) => line.endsWith(String.raw`--option extra-sandbox-paths '/a'\'';x;'\'''`)));
});
