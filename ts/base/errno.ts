import { constants } from 'node:os';
import { getSystemErrorName } from 'node:util';

/** `ENOENT` for 2, and so on; libuv, whom Node asks, does not know them all. */
export function errnoName(errno: number): string {
  const name = getSystemErrorName(-errno);
  if (!name.startsWith('Unknown')) return name;
  return Object.entries(constants.errno).find(([, number]) => number === errno)?.[0] ?? `errno ${errno}`;
}
