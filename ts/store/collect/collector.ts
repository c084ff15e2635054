import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { LockFile } from '../lock-file.js';
import type { StoreParts } from '../store-parts.js';
import { findRoots } from './find-roots.js';
import { Liveness } from './liveness.js';
import { ProtectedPaths } from './protected-paths.js';
import type { CollectListener, KeepSettings } from './records.js';
import { prepareSocket, serveRoots } from './roots-server.js';
import { readTempRoots } from './temp-root-files.js';

/** What a collector knows: nobody else collects, and whoever begins to work on a path tells it. */
export interface Collector {
  readonly liveness: Liveness;
  readonly protectedPaths: ProtectedPaths;
  /** What has been registered later is left alone. */
  readonly lastId: number;
}

export interface CollectorOptions extends KeepSettings {
  /** Of roots but the temporary ones, none counts. */
  readonly ignoreRoots?: boolean | undefined;
  /** Space is short: what was reserved for this case is given up. */
  readonly giveUpReserve: boolean;
  readonly onEvent: CollectListener;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Takes the place of the only collector of a store, among ours and those of real Nixes, finds out what lives, and lets
 * `use` work with it.
 *
 * In this order: the lock, from which on nobody can make a path a temporary root unheard; the socket on which they say so;
 * then the roots.
 */
export async function asCollector<T>(
  parts: StoreParts,
  options: CollectorOptions,
  use: (collector: Collector) => Promise<T>,
): Promise<T> {
  const { directories, database } = parts;
  const { stateDir, storeDir } = directories;
  const { onEvent, signal } = options;
  if (options.giveUpReserve) rmSync(join(stateDir, 'db/reserved'), { force: true });
  await prepareSocket(stateDir);
  const lock = LockFile.open(join(stateDir, 'gc.lock'));
  try {
    await lock.lock('exclusive', { signal, onWait: () => onEvent({ type: 'collect.waiting' }) });
    const protectedPaths = new ProtectedPaths(storeDir);
    const server = await serveRoots(stateDir, (path) => protectedPaths.add(path));
    try {
      const liveness = new Liveness(database.garbage, options);
      const collector = { liveness, protectedPaths, lastId: database.garbage.lastId() };
      await markRoots(parts, options, collector);
      return await use(collector);
    } finally {
      await server.close();
    }
  } finally {
    lock.close();
  }
}

async function markRoots(
  parts: StoreParts,
  { ignoreRoots, onEvent, signal }: CollectorOptions,
  { liveness, protectedPaths }: Collector,
): Promise<void> {
  const { garbage } = parts.database;
  const finding = {
    removeStale: true,
    onNote: (message: string) => onEvent({ type: 'collect.note', message }),
    signal,
  };
  onEvent({ type: 'collect.phase', phase: 'roots' });
  // Before the links: who has made one for what he works on may then end, and take his list away.
  for (const { path } of readTempRoots(parts.directories, finding)) protectedPaths.add(path);
  if (!ignoreRoots) {
    for await (const roots of findRoots(parts, finding))
      await liveness.mark(garbage.idsOf([...new Set(roots.map(({ path }) => path))]), signal);
  }
  await protectedPaths.markFresh(garbage, liveness, signal);
}
