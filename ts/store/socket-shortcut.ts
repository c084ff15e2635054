import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * Lets `use` have a short name for a directory, for a socket in it: the path of a Unix socket has at most 107 bytes (103 on
 * macOS), and a store may lie deeper than that. Where it does not, the directory itself will do, and nothing is made.
 */
export async function withShortcut<T>(directory: string, use: (shortcut: string) => Promise<T>): Promise<T> {
  if (Buffer.byteLength(directory) + longestName < longestPath) return await use(directory);
  const place = mkdtempSync(join(tmpdir(), 'airplant-gc-'));
  try {
    const shortcut = join(place, 's');
    symlinkSync(directory, shortcut);
    return await use(shortcut);
  } finally {
    try {
      rmSync(place, { recursive: true });
    } catch {
      // An empty directory among temporary ones is no reason to fail.
    }
  }
}

/** Of the path of a socket on macOS, and of what is to follow the directory: `/socket.tmp-PID-N`. */
const longestPath = 103;
const longestName = 32;
