import { homedir } from 'node:os';
import { join } from 'node:path';

/** `$XDG_CACHE_HOME/airplant/NAME`: what it holds can be made again. It need not exist. */
export function cacheDirectory(name: string): string {
  const cacheHome = process.env['XDG_CACHE_HOME'] || join(process.env['HOME'] || homedir(), '.cache');
  return join(cacheHome, 'airplant', name);
}
