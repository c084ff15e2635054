import { NarAccessor } from '../../formats/nar/accessor.js';
import { invalidPath } from '../database.js';
import { realPathOf, type StoreParts } from '../store-parts.js';
import { treeRanges } from './tree-ranges.js';

/** The NAR of a valid path, to be looked into. Throws ERR_PATH_INVALID if it is not there, or not valid. */
export async function openNar(
  { directories, database, caseHack }: Pick<StoreParts, 'directories' | 'database' | 'caseHack'>,
  path: string,
): Promise<NarAccessor> {
  const realPath = realPathOf(directories, path);
  if (!database.isValid(path)) throw invalidPath(path);
  try {
    const ranges = await treeRanges(realPath, { caseHack });
    return new NarAccessor(ranges, ranges.listing, { storePath: path });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' && !database.isValid(path))
      throw invalidPath(path);
    throw error;
  }
}
