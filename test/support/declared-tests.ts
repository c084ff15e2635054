import { execFileSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { native } from '../../ts/native.js';
import { temporaryBase } from './temporary-base.js';

/** A test that a file declares. */
export interface DeclaredTest {
  /** With the titles of the suites it is in before it, joined by ` > `. */
  readonly title: string;
  /** Why this machine skips it. */
  readonly skip: string | undefined;
}

/**
 * The tests that test files declare on this machine, by file; none of them is run. `files` are below test/, without
 * `.test.ts`. The files are loaded with something else in the place of `node:test`, which writes down what is declared.
 */
export function declaredTests(files: readonly string[]): Readonly<Record<string, readonly DeclaredTest[]>> {
  const program = fileURLToPath(new URL('list-tests.js', import.meta.url));
  const urls = files.map((file) => new URL(`../${file}.test.js`, import.meta.url));
  // What files make when they are loaded is removed by hooks that are not run.
  const place = mkdtempSync(join(temporaryBase(), 'airplant-declared-'));
  try {
    const printed = execFileSync(
      process.execPath,
      [program, ...urls.map((url) => pathToFileURL(fileURLToPath(url)).href)],
      {
        encoding: 'utf8',
        maxBuffer: 2 ** 24,
        env: { ...process.env, AIRPLANT_TEST_DIR: place, AIRPLANT_TEST_SCRATCH: place },
      },
    );
    const lists = JSON.parse(printed.slice(printed.lastIndexOf('\n[') + 1)) as DeclaredTest[][];
    return Object.fromEntries(files.map((file, index) => [file, lists[index]!]));
  } finally {
    native.removeTree(place);
  }
}
