import { mkdtempSync, realpathSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { native } from '../../ts/native.js';

/** A directory of the test's own, gone after it whatever modes its files have by then. */
export function temporaryDirectory(t: TestContext): string {
  const directory = mkdtempSync(join(realpathSync(tmpdir()), 'airplant-test-'));
  t.after(() => native.removeTree(directory));
  return directory;
}
