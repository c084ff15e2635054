import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { findProgram } from '../../test/support/requires.js';
import { packageRoot } from './package-root.js';
import { SkippedRow } from './row.js';
import type { Workspace } from './workspace.js';

/** Absolute path of an installed program; the row is skipped where it is missing. */
export function needProgram(name: string): string {
  const file = findProgram(name);
  if (file === undefined) throw new SkippedRow(`${name} is not installed`);
  return file;
}

/** Compiles `bench/NAME.c` with optimisation, once, and answers with the path of the program. */
export async function compileProgram(name: string, workspace: Workspace): Promise<string> {
  const program = join(workspace.path, name);
  if (existsSync(program)) return program;
  const source = join(packageRoot, 'bench', `${name}.c`);
  try {
    await promisify(execFile)(needProgram('cc'), ['-O2', '-o', program, source]);
  } catch (error) {
    if (error instanceof SkippedRow) throw error;
    const { stderr } = error as { readonly stderr?: string };
    throw new SkippedRow(`${name}.c does not compile here: ${stderr?.trim().split('\n')[0] ?? error}`);
  }
  return program;
}

/** The first line a program prints about its version. */
export async function programVersion(file: string, argument = '--version'): Promise<string> {
  const { stdout } = await promisify(execFile)(file, [argument]);
  return stdout.split('\n')[0]!.trim();
}
