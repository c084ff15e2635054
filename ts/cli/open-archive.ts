import { statSync } from 'node:fs';
import { AirplantError, isAirplantError } from '../base/errors.js';
import { quote } from '../base/quote.js';
import type { NarAccessor } from '../formats/nar/accessor.js';
import type { NarListing } from '../formats/nar/listing.js';
import type { CommandContext } from './command.js';
import { readablePath } from './readable-path.js';
import { tryStoreOperand } from './store-operand.js';
import { commandSettings } from './store-session.js';

/** An archive that can be looked into. */
export interface Archive {
  readonly accessor: NarAccessor;
  /** The store path whose archive it is, if it is one. */
  readonly storePath: string | undefined;
}

/** What is in an archive, standard input included, which is read to its end then. */
export async function readListing(
  context: CommandContext,
  file: string,
): Promise<{ readonly listing: NarListing; readonly storePath: string | undefined }> {
  if (file !== '-') {
    return await withArchive(context, file, async ({ accessor, storePath }) => ({
      listing: accessor.listing,
      storePath,
    }));
  }
  const { listNar } = await import('../formats/nar/listing.js');
  const listing = await listNar(context.stdin()).catch((error) => {
    throw named(error, standardInput);
  });
  return { listing, storePath: undefined };
}

/** Opens the archive a file is, or a directory makes; errors say which one it is. */
export async function withArchive<T>(
  context: CommandContext,
  file: string,
  use: (archive: Archive) => Promise<T>,
): Promise<T> {
  const { cwd, engine, env } = context;
  const settings = commandSettings(context);
  const path = await readablePath(context, file, { followLast: true });
  const { NarAccessor } = await import('../formats/nar/accessor.js');
  try {
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) {
      const directories = await engine.locateStore(settings.store, env);
      const operand = tryStoreOperand(file, { cwd, directories });
      const storePath = operand?.below === '' ? operand.storePath : undefined;
      const { treeRanges } = await import('../store/nar-sources/tree-ranges.js');
      const ranges = await treeRanges(path, { caseHack: settings['use-case-hack'] });
      return await use({ accessor: new NarAccessor(ranges, ranges.listing, { storePath }), storePath });
    }
    const { openFileRanges } = await import('../store/nar-sources/file-ranges.js');
    await using ranges = openFileRanges(path);
    return await use({ accessor: await NarAccessor.open(ranges), storePath: undefined });
  } catch (error) {
    throw named(error, quote(file));
  }
}

export const standardInput = 'standard input';

/** Says of a damaged archive which one it is: its reader knows only the place in it. */
export function named(error: unknown, name: string): unknown {
  if (!isAirplantError(error, 'ERR_NAR')) return error;
  const { message, hint, details } = error;
  return new AirplantError('ERR_NAR', `${name}: ${message}`, {
    hint,
    cause: error,
    details: { ...details, file: name },
  });
}
