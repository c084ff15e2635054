import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { scratch } from './sandbox.js';

const packageRoot = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..');

/** Compiles test/fixtures/native/`name`.c, or all sources of the directory `name`, statically; the program's path. */
export function compileFixture(name: string): string {
  const program = join(scratch, name);
  if (!existsSync(program)) {
    const place = join(packageRoot, 'test', 'fixtures', 'native', name);
    const sources = existsSync(place)
      ? readdirSync(place)
          .filter((file) => file.endsWith('.c'))
          .map((file) => join(place, file))
      : [`${place}.c`];
    execFileSync('cc', ['-D_GNU_SOURCE=', '-O1', '-Wall', '-static', '-o', program, ...sources]);
  }
  return program;
}
