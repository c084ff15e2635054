import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LocalStore } from '../../store/local-store.js';
import type { HostFacts } from './cures.js';
import { HostLookup } from './host-lookup.js';

/**
 * Looks at this machine. Names came from a builder: nothing is opened, and nothing but directories is read; and nobody
 * waits for long should one lead to a server that is gone.
 */
export function hostFacts(store: LocalStore, searchPath: string): HostFacts {
  const programs = [
    ...searchPath.split(':').filter((directory) => directory.startsWith('/')),
    ...usual.program,
  ];
  const places = { ...usual, program: programs };
  const lookup = new HostLookup({ mountInfo: mountInfo() });
  return {
    exists: (path) => lookup.exists(path),
    async find(kind, name) {
      if (name.includes('/') || name.includes('\0')) return undefined;
      for (const directory of places[kind]) {
        const path = join(directory, name);
        if (await lookup.exists(path)) return path;
      }
      return undefined;
    },
    inStore(path) {
      try {
        return store.isValid(path);
      } catch {
        // No store path at all.
        return false;
      }
    },
  };
}

/** Empty on other systems. */
function mountInfo(): string {
  try {
    return readFileSync('/proc/self/mountinfo', 'utf8');
  } catch {
    return '';
  }
}

const usual = {
  program: ['/usr/local/bin', '/usr/bin', '/bin', '/usr/sbin', '/sbin'],
  library: ['/usr/local/lib', '/usr/lib', '/lib', '/usr/lib64', '/lib64', ...multiarch('/usr/lib')],
  header: ['/usr/local/include', '/usr/include', ...multiarch('/usr/include')],
} as const;

/** Debian's directories of one architecture each. */
function multiarch(directory: string): string[] {
  try {
    return readdirSync(directory)
      .filter((name) => /-linux-(gnu|musl)[a-z0-9]*$/.test(name))
      .map((name) => join(directory, name));
  } catch {
    return [];
  }
}
