import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../harness/package-root.js';
import { SkippedRow } from '../harness/row.js';

/** The command that runs airplant's command line as this working tree has it. */
export function airplantCommand(...args: readonly string[]): string[] {
  const main = join(packageRoot, 'dist', 'ts', 'main.js');
  if (!existsSync(main)) throw new SkippedRow(`${main} is not there: run npm run build`);
  return [process.execPath, main, ...args];
}
