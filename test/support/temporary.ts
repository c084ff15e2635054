import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { after } from 'node:test';
import { native } from '../../ts/native.js';
import { temporaryBase } from './temporary-base.js';

/** A directory of the test file's own, removed after its tests, whatever modes the files in it have. */
export function temporaryDirectory(name: string): string {
  const directory = mkdtempSync(join(temporaryBase(), `airplant-${name}-`));
  after(() => native.removeTree(directory));
  return directory;
}
