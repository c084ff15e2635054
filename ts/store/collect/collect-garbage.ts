import { AirplantError } from '../../base/errors.js';
import type { GarbageRow } from '../garbage-queries.js';
import type { StoreParts } from '../store-parts.js';
import { asCollector, type Collector, type CollectorOptions } from './collector.js';
import { Deletion, type DeletionOptions } from './deletion.js';
import { findLeftovers } from './leftovers.js';
import type { CollectReport, KeepSettings } from './records.js';

export type CollectOptions = DeletionOptions & KeepSettings & Pick<CollectorOptions, 'ifBusy'>;

/**
 * Deletes what no root needs: what interrupted work has left, then valid paths, each after those that refer to it.
 *
 * Throws ERR_SYSTEM if roots cannot be read.
 */
export async function collectGarbage(parts: StoreParts, options: CollectOptions): Promise<CollectReport> {
  return await asCollector(parts, { ...options, giveUpReserve: true }, async (collector) => {
    const { liveness, protectedPaths, lastId } = collector;
    const { garbage } = parts.database;
    let cursor = 0;
    const more = () => {
      const rows = garbage.unreferencedBetween(cursor, lastId, rowsAtOnce);
      cursor = rows.at(-1)?.id ?? cursor;
      return rows.length > 0 ? rows : undefined;
    };
    const isDead = ({ id }: GarbageRow) => id <= lastId && !liveness.isAlive(id);
    return await deleting(parts, collector, options, async (deletion) => {
      if (deletion.isEnough) return;
      await deletion.discardLeftovers((await findLeftovers(parts, protectedPaths, options.signal)).dead);
      await deletion.discardPaths([], isDead, more);
    });
  });
}

const rowsAtOnce = 1000;

/**
 * Deletes these paths, or none. With `ignoreLiveness` roots do not matter, but what others refer to, or work on, stays all
 * the same.
 *
 * Throws ERR_PATH_IN_USE for a path that lives, or that something refers to which is not among them.
 */
export async function deletePaths(
  parts: StoreParts,
  paths: readonly string[],
  options: CollectOptions & { readonly ignoreLiveness: boolean },
): Promise<CollectReport> {
  const { ignoreLiveness: ignoreRoots } = options;
  // As in Nix: the outputs of a derivation that is to be deleted would be in the way otherwise.
  const keep = ignoreRoots ? { keepOutputs: false, keepDerivations: false } : options;
  const collecting = { ...options, ...keep, ignoreRoots, giveUpReserve: true };
  return await asCollector(parts, collecting, async (collector) => {
    const { garbage } = parts.database;
    const rows = new Map<string, GarbageRow | undefined>(paths.map((path) => [path, garbage.rowOf(path)]));
    const valid = [...rows.values()].filter((row) => row !== undefined);
    const ids = new Set(valid.map(({ id }) => id));
    for (const [path, row] of rows)
      if (!mayGo(path, row, ids, parts, collector, keep)) throw stillAlive(path);
    const invalid = [...rows].filter(([, row]) => row === undefined);
    return await deleting(parts, collector, options, async (deletion) => {
      await deletion.discardPaths(valid, ({ id }) => ids.has(id));
      await deletion.discardLeftovers(
        invalid.map(([path]) => path.slice(parts.directories.storeDir.length + 1)),
      );
    });
  });
}

/** Whether it is dead, and nothing that lives with it is left. */
function mayGo(
  path: string,
  row: GarbageRow | undefined,
  ids: ReadonlySet<number>,
  { database: { garbage } }: StoreParts,
  { liveness, protectedPaths }: Collector,
  { keepOutputs, keepDerivations }: KeepSettings,
): boolean {
  if (protectedPaths.has(path)) return false;
  if (!row) return true;
  if (liveness.isAlive(row.id)) return false;
  const dependants = [
    ...garbage.referrersOf([row.id]),
    ...(keepOutputs ? garbage.derivationsOf([row.id]) : []),
    ...(keepDerivations ? garbage.madeBy([row.id]) : []),
  ];
  return dependants.every((id) => ids.has(id));
}

async function deleting(
  parts: StoreParts,
  collector: Collector,
  options: DeletionOptions,
  work: (deletion: Deletion) => Promise<void>,
): Promise<CollectReport> {
  const deletion = new Deletion(parts, collector, options);
  try {
    await work(deletion);
  } catch (error) {
    await deletion.finish().catch(() => {});
    throw error;
  }
  return await deletion.finish();
}

function stillAlive(path: string): AirplantError {
  return new AirplantError('ERR_PATH_IN_USE', `cannot delete path '${path}' since it is still alive`, {
    hint: 'A root, a running process or another path needs it.',
    details: { path },
  });
}
