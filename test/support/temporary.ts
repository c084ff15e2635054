import { mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { native } from '../../ts/native.js';

/**
 * A directory of the test file's own, removed after its tests, whatever modes the files in it have.
 * It lies on a disk file system (`/var/tmp`, if there is one): stores on tmpfs behave differently.
 */
export function temporaryDirectory(name: string): string {
  const base = process.env['AIRPLANT_TEST_DIR'] ?? (process.platform === 'linux' ? '/var/tmp' : tmpdir());
  mkdirSync(base, { recursive: true });
  const directory = mkdtempSync(join(base, `airplant-${name}-`));
  after(() => native.removeTree(directory));
  return directory;
}
