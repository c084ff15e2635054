import { native } from '../../native.js';
import type { LocalStore } from '../../store/local-store.js';
import { storeError } from '../../store/store-parts.js';
import type { SettledOutput } from '../records.js';

/**
 * Moves what was made instead of a valid output beside it, as `<path>.check`, in place of an older one. It is not valid:
 * the next collection removes it. The caller holds the lock of the output. Gives the store path of what is kept.
 */
export async function keepDiffering(
  { path, source }: Pick<SettledOutput, 'path' | 'source'>,
  store: LocalStore,
): Promise<string> {
  const kept = `${path}.check`;
  const real = `${store.realPath(path)}.check`;
  try {
    await native.removeTree(real);
    native.moveTree(source, real, 'no-replace');
  } catch (error) {
    throw storeError(error, `keeping '${kept}'`);
  }
  return kept;
}

/** Removes what an earlier check has kept beside a valid output, if it has. The caller holds the lock of the output. */
export async function dropKept(path: string, store: LocalStore): Promise<void> {
  try {
    await native.removeTree(`${store.realPath(path)}.check`);
  } catch (error) {
    throw storeError(error, `removing '${path}.check'`);
  }
}
