import { type CancelOptions, native } from '../native.js';
import { invalidPath } from './database.js';
import { realPathOf, type StoreParts } from './store-parts.js';

/** Copies the contents of a valid path, as they are. Throws ERR_PATH_INVALID if it is not there, or not valid. */
export async function copyOut(
  { directories, database }: Pick<StoreParts, 'directories' | 'database'>,
  path: string,
  destination: string,
  options: CancelOptions = {},
): Promise<void> {
  const realPath = realPathOf(directories, path);
  if (!database.isValid(path)) throw invalidPath(path);
  try {
    await native.copyTree(realPath, destination, options);
  } catch (error) {
    // A collector of that store may have taken it away meanwhile.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' && !database.isValid(path))
      throw invalidPath(path);
    throw error;
  }
}
