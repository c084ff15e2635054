import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { after } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
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

/** Starts a compiled script of test/support in a process of its own, which the test that started it does not leave behind. */
export function startScript(script: string, ...args: string[]) {
  const file = fileURLToPath(new URL(`./${script}.js`, import.meta.url));
  const child = spawn(process.execPath, [file, ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
  after(() => void child.kill('SIGKILL'));
  child.stdout.setEncoding('utf8');
  const exit = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
  const closed = once(child, 'close');
  // From the beginning: what nobody listens for is dropped when the script ends.
  const outputs: string[] = [];
  child.stdout.on('data', (output: string) => outputs.push(output));
  return {
    child,
    /** Resolves once the condition holds; rejects if the script has ended before. */
    until: async (condition: () => boolean) => {
      while (!condition()) {
        assert.equal(child.exitCode ?? child.signalCode, null, `${script} has ended`);
        await sleep(5);
      }
    },
    /** Resolves to the next output of the script; rejects if it ends without any. */
    said: async () => {
      if (outputs.length === 0) await Promise.race([once(child.stdout, 'data'), closed]);
      const output = outputs.shift();
      assert.ok(output !== undefined, `${script} has ended and said nothing`);
      return output.trim();
    },
    exit,
  };
}
