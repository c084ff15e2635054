import { join } from 'node:path';
import { compareText } from '../../base/text.js';
import { native } from '../../native.js';
import { eachOf } from '../each-of.js';
import type { StoreParts } from '../store-parts.js';
import { type LinkedPaths, linkPaths } from './link-paths.js';

export interface OptimiseOptions {
  /** Look at files that are links already as well, and at what the links hold. Default false. */
  readonly recheck?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onWarning?: ((message: string) => void) | undefined;
  readonly onProgress?:
    | ((progress: { readonly done: number; readonly expected: number }) => void)
    | undefined;
}

export interface OptimisedStore extends Omit<LinkedPaths, 'warnings'> {
  /** How many valid paths have been looked at. */
  readonly paths: number;
}

/**
 * Replaces all equal files of valid paths by hard links to one, as `nix-store --optimise` does. Nix may do the same at
 * once, paths may be added and collected: each is a temporary root while it is worked on. An interruption leaves whole
 * files everywhere.
 *
 * A path that cannot be worked through is a warning, and among the failures. Throws the reason of an aborted signal.
 */
export async function optimiseStore(
  parts: StoreParts,
  options: OptimiseOptions = {},
): Promise<OptimisedStore> {
  const { recheck = false, signal, onWarning, onProgress } = options;
  const { directories, database, tempRoots } = parts;
  const known = recheck ? undefined : await native.loadLinkInodes(join(directories.realStoreDir, '.links'));
  const valid = database.validPaths().sort(compareText);
  const failures: NodeJS.ErrnoException[] = [];
  let [paths, filesLinked, bytesFreed, done] = [0, 0, 0, 0];
  await eachOf(batches(valid), async (batch) => {
    const { bases, linked } = await link(batch);
    for (const warning of linked.warnings) onWarning?.(warning);
    for (const failure of linked.failures) onWarning?.(describeFailure(failure));
    failures.push(...linked.failures);
    paths += bases.length;
    filesLinked += linked.filesLinked;
    bytesFreed += linked.bytesFreed;
    done += batch.length;
    onProgress?.({ done, expected: valid.length });
  });
  return { paths, filesLinked, bytesFreed, failures };

  /** Protects the paths only meanwhile: the whole store would be kept from collectors as long as it is open here. */
  async function link(batch: readonly string[]) {
    const roots = tempRoots.scope();
    try {
      await roots.add(batch, signal);
      const bases = batch
        .filter((path) => database.isValid(path))
        .map((path) => path.slice(directories.storeDir.length + 1));
      return { bases, linked: await linkPaths(parts, bases, { known, checkLinks: recheck, signal }) };
    } finally {
      roots.close();
    }
  }
}

/** Few enough that the last ones keep all processors busy, many enough that asking costs nothing. */
const batchSize = 16;

function batches(paths: readonly string[]): string[][] {
  const count = Math.ceil(paths.length / batchSize);
  return Array.from({ length: count }, (_, index) => paths.slice(index * batchSize, (index + 1) * batchSize));
}

function describeFailure({ code, syscall, path }: NodeJS.ErrnoException): string {
  return `'${path}' cannot be hard linked: ${syscall}: ${code}`;
}
