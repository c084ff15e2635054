import { fileURLToPath } from 'node:url';

/** The command that starts one of the workers of this folder. */
export function workerCommand(
  name: 'expand' | 'launch' | 'hash' | 'rewrite' | 'closure' | 'hash-part' | 'bare-look-ups',
  ...args: readonly string[]
): string[] {
  return [process.execPath, fileURLToPath(new URL(`${name}.js`, import.meta.url)), ...args];
}
