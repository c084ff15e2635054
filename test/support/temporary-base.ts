import { mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';

/**
 * Where the directories of tests lie: on a disk file system from which programs can be run (`/var/tmp`, if there is
 * one), which $TMPDIR need not be. Stores on tmpfs behave differently.
 */
export function temporaryBase(): string {
  const base = process.env['AIRPLANT_TEST_DIR'] ?? (process.platform === 'linux' ? '/var/tmp' : tmpdir());
  mkdirSync(base, { recursive: true });
  return base;
}
