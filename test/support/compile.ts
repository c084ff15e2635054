import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { scratch } from './sandbox.js';

const packageRoot = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..');

/** Compiles test/fixtures/native/`name`.c statically; the program's path. */
export function compileFixture(name: string): string {
  const program = join(scratch, name);
  if (!existsSync(program)) {
    const source = join(packageRoot, 'test', 'fixtures', 'native', `${name}.c`);
    execFileSync('cc', ['-O1', '-Wall', '-static', '-o', program, source]);
  }
  return program;
}
