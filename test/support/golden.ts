import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/**
 * Compares text with a file in test/fixtures/. With AIRPLANT_UPDATE_GOLDEN=1 the file is written instead; look at
 * what changed before committing it.
 */
export function assertGolden(actual: string, name: string): void {
  const file = fileURLToPath(new URL(`../../../test/fixtures/${name}`, import.meta.url));
  if (process.env['AIRPLANT_UPDATE_GOLDEN']) writeFileSync(file, actual);
  assert.equal(actual, readFileSync(file, 'utf8'), `differs from test/fixtures/${name}`);
}
