import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/** Pids of this machine's processes whose command line holds `word`. */
export function processesWith(word: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes(word);
      } catch {
        return false;
      }
    })
    .map(Number);
}

/** True once there is none, false if there still is one after `milliseconds`. */
export async function goneWithin(word: string, milliseconds: number): Promise<boolean> {
  const end = Date.now() + milliseconds;
  while (processesWith(word).length > 0) {
    if (Date.now() > end) return false;
    await delay(10);
  }
  return true;
}

/** True once the process does not exist or is a zombie, false if it lives after `milliseconds`. */
export async function endedWithin(pid: number, milliseconds: number): Promise<boolean> {
  const end = Date.now() + milliseconds;
  while (isAlive(pid)) {
    if (Date.now() > end) return false;
    await delay(10);
  }
  return true;
}

/** Whether a process exists and is not a zombie. */
export function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

/** The children of a process, all its threads' together, with the names that the kernel has for them. */
export function childrenOf(parent: number): { readonly pid: number; readonly name: string }[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .flatMap((entry) => {
      try {
        const status = readFileSync(`/proc/${entry}/status`, 'latin1');
        const field = (name: string) => new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(status)?.[1] ?? '';
        return Number(field('PPid')) === parent ? [{ pid: Number(entry), name: field('Name') }] : [];
      } catch {
        return [];
      }
    });
}
