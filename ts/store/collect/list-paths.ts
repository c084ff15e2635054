import type { StoreParts } from '../store-parts.js';
import { asCollector, type Collector, type CollectorOptions, observe } from './collector.js';
import { findLeftovers } from './leftovers.js';
import { Pace } from './pace.js';

/** A path, or a leftover, that lives or does not. */
export interface ListedPath {
  readonly path: string;
  /** Of its archive, if it is valid. */
  readonly narSize?: number;
}

/**
 * What lives or what a collector would delete, sorted. Nothing is changed but for stale roots, and with `readOnly` not even
 * these: then nothing is locked, and the answer is as old as it takes to find it.
 */
export async function listPaths(
  parts: StoreParts,
  which: 'live' | 'dead',
  { readOnly, ...options }: Omit<CollectorOptions, 'giveUpReserve'> & { readonly readOnly: boolean },
): Promise<ListedPath[]> {
  const list = async (collector: Collector) => {
    const { onEvent, signal } = options;
    onEvent({ type: 'collect.phase', phase: 'liveness' });
    // First: what is locked lives.
    const leftovers = await findLeftovers(parts, collector.protectedPaths, signal);
    const { garbage } = parts.database;
    await collector.protectedPaths.markFresh(garbage, collector.liveness, signal);
    const { storeDir } = parts.directories;
    const names = which === 'live' ? leftovers.used : leftovers.dead;
    const listed: ListedPath[] = names.map((name) => ({ path: `${storeDir}/${name}` }));
    await addValid(listed, which, parts, collector, signal);
    return listed.sort((a, b) => (a.path < b.path ? -1 : 1));
  };
  if (readOnly) return await list(await observe(parts, options));
  return await asCollector(parts, { ...options, giveUpReserve: false }, list);
}

async function addValid(
  listed: ListedPath[],
  which: 'live' | 'dead',
  { database: { garbage } }: StoreParts,
  { liveness, lastId }: Collector,
  signal: AbortSignal | undefined,
): Promise<void> {
  const pace = new Pace(signal);
  for (let cursor = 0; ; ) {
    const rows = garbage.pathsBetween(cursor, lastId, 1000);
    if (rows.length === 0) return;
    cursor = rows.at(-1)!.id;
    for (const { id, path, narSize } of rows)
      if (liveness.isAlive(id) === (which === 'live')) listed.push({ path, narSize });
    await pace.rest();
  }
}
