import { homedir } from 'node:os';
import { join } from 'node:path';

/** `$XDG_CACHE_HOME/airplant/NAME`: what it holds can be made again. It need not exist. */
export function cacheDirectory(
  name: string,
  env: Readonly<Record<string, string | undefined>> = process.env,
): string {
  const cacheHome = env['XDG_CACHE_HOME'] || join(env['HOME'] || homedir(), '.cache');
  return join(cacheHome, 'airplant', name);
}
