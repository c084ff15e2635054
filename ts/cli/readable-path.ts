import { existsSync, lstatSync } from 'node:fs';
import { resolve } from 'node:path';
import type { CommandContext } from './command.js';
import { findPhysicalPath } from './store-operand.js';
import { commandSettings } from './store-session.js';

/**
 * The host path of an operand that is to be read: a file or directory of this machine, or what the configured store
 * has under a path such as `/nix/store/…`. Nothing is opened. Where there is neither, it is the path as given.
 * `followLast`: a symlink in the last place stands for what it leads to.
 */
export async function readablePath(
  context: CommandContext,
  operand: string,
  { followLast }: { readonly followLast: boolean },
): Promise<string> {
  const { cwd, engine, env } = context;
  const path = resolve(cwd, operand);
  const exists = followLast ? existsSync : isThere;
  if (exists(path)) return path;
  const directories = await engine.locateStore(commandSettings(context).store, env);
  return findPhysicalPath(path, { cwd, directories }, exists) ?? path;
}

function isThere(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}
