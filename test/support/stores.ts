import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { resolveStoreDirectories } from '../../ts/store/directories.js';
import type { LocalStore } from '../../ts/store/local-store.js';
import { type OpenStoreOptions, openLocalStore } from '../../ts/store/open-store.js';

/** Opens the chroot store below `root`, with nothing of the environment. */
export async function openTestStore(
  root: string,
  options: Omit<OpenStoreOptions, 'directories'> = {},
): Promise<LocalStore> {
  return await openLocalStore({ directories: testDirectories(root), env: {}, ...options });
}

export function testDirectories(root: string) {
  return resolveStoreDirectories({ store: root, env: {} });
}

/** A valid-looking store path whose hash part is made of `digit`. */
export function somePath(digit: string, name = digit): string {
  return `/nix/store/${digit.repeat(32)}-${name}`;
}

/** Starts a compiled script of test/support in a process of its own. */
export function startScript(script: string, ...args: string[]) {
  const file = fileURLToPath(new URL(`./${script}.js`, import.meta.url));
  const child = spawn(process.execPath, [file, ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
  child.stdout.setEncoding('utf8');
  return {
    child,
    /** Resolves to the next output of the script. */
    said: async () => String((await once(child.stdout, 'data'))[0]).trim(),
    exit: once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>,
  };
}
