import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const fixtures = fileURLToPath(new URL('../../../test/fixtures/', import.meta.url));

/** Absolute path of something below test/fixtures. */
export function fixturePath(...segments: string[]): string {
  return join(fixtures, ...segments);
}

/** Bytes of a file below test/fixtures. */
export function readFixture(...segments: string[]): Buffer {
  return readFileSync(fixturePath(...segments));
}

/** Rows of a tab-separated fixture, without its header. */
export function readTable(...segments: string[]): string[][] {
  const lines = readFixture(...segments)
    .toString('latin1')
    .split('\n');
  return lines
    .slice(1)
    .filter(Boolean)
    .map((line) => line.split('\t'));
}
