import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { basename } from 'node:path';
import type { EventSink } from '../base/events.js';
import { quote } from '../base/quote.js';
import type { LocalStore } from '../store/local-store.js';
import { takeBackMaps } from './builder-ids.js';
import type { BuildOptions } from './options.js';
import { outputPaths } from './output-paths.js';
import { isBuildTop, keptOf, type Place, placeOf, removePlace, scratchDerivation } from './scratch.js';

/** What is swept has been swept for good: nobody dies in this process's place. */
const swept = new WeakSet<LocalStore>();

/**
 * Removes the scratch directories that are nobody's, once for a store and process: builds of theirs were killed with all
 * that would have tidied up. Whoever builds a derivation holds the locks of its outputs as long as it has a scratch
 * directory, so whoever can take them all is alone with it. Files of many ids are the caller's again before they go.
 *
 * Never throws: what cannot be removed is a warning.
 */
export async function sweepScratch(
  store: LocalStore,
  options: Pick<BuildOptions, 'buildsIn' | 'ids'>,
  { emit, signal }: { readonly emit: EventSink; readonly signal: AbortSignal },
): Promise<void> {
  if (swept.has(store)) return;
  swept.add(store);
  const { realStoreDir, storeDir } = store.directories;
  const names = await readdir(realStoreDir).catch((): string[] => []);
  const remove = async (left: string, removing: () => Promise<void>) => {
    if (signal.aborted) return;
    try {
      await removing();
    } catch (error) {
      if (signal.aborted) return;
      const message = `what an interrupted build has left in ${quote(left)} cannot be removed: ${(error as Error).message}`;
      emit({ type: 'warning', message });
    }
  };
  for (const name of names) {
    const drvPath = scratchDerivation(`${storeDir}/${name}`);
    if (drvPath === undefined) continue;
    await remove(name, () => removeAbandoned(drvPath, `${realStoreDir}/${name}`, store, options));
  }
  for (const { name, place } of await halfKept(names, realStoreDir, options)) {
    await remove(place.buildTop!, () => removeHalfKept(`${storeDir}/${name}`, place, store, options));
  }
}

/** What had been moved of a failed build that was to be kept, when the rest and with it the record was not yet. */
async function halfKept(
  names: readonly string[],
  realStoreDir: string,
  { buildsIn }: Pick<BuildOptions, 'buildsIn'>,
): Promise<readonly { readonly name: string; readonly place: Place }[]> {
  if (buildsIn === undefined) return [];
  const tops = (await readdir(buildsIn).catch((): string[] => [])).filter(isBuildTop);
  if (tops.length === 0) return [];
  const there = new Set(tops);
  const all = new Set(names);
  return names
    .filter((name) => name.endsWith('.drv') && !all.has(keptOf(name)))
    .map((name) => ({ name, place: placeOf(keptOf(`${realStoreDir}/${name}`), { buildsIn }) }))
    .filter(({ place }) => there.has(basename(place.buildTop!)));
}

async function removeHalfKept(
  drvPath: string,
  place: Place,
  store: LocalStore,
  options: Pick<BuildOptions, 'ids'>,
): Promise<void> {
  await whenAlone(drvPath, store, async () => {
    // It has been kept meanwhile.
    if (existsSync(place.scratch)) return;
    await removePlace(place, takeBackMaps(options.ids));
  });
}

async function removeAbandoned(
  drvPath: string,
  scratch: string,
  store: LocalStore,
  { buildsIn, ids }: Pick<BuildOptions, 'buildsIn' | 'ids'>,
): Promise<void> {
  await whenAlone(drvPath, store, () => removePlace(placeOf(scratch, { buildsIn }), takeBackMaps(ids)));
}

/** Does nothing while somebody builds it. */
async function whenAlone(drvPath: string, store: LocalStore, remove: () => Promise<void>): Promise<void> {
  // Without its derivation nothing says what its locks are.
  if (!store.isValid(drvPath)) return;
  const outputs = outputPaths(drvPath, store.readDerivation(drvPath));
  const locks = await store.tryLockPaths(Object.values(outputs));
  if (!locks) return;
  try {
    await remove();
  } finally {
    await locks.release({ delete: false });
  }
}
