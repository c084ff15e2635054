import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { AirplantError } from '../../base/errors.js';
import { LockFile } from '../lock-file.js';
import type { StoreParts } from '../store-parts.js';
import { attempts } from '../waiting.js';
import { type FindRootsOptions, findRoots } from './find-roots.js';
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
  /**
   * What to do while others hold `gc.lock` without being collectors (a verification, a registration): `wait`, the default,
   * or `give up`, for who may have the lock of a path they wait for. Another collector is waited for in any case.
   */
  readonly ifBusy?: 'wait' | 'give up' | undefined;
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
 *
 * Throws ERR_ABORTED if it gives up, and the reason of an aborted signal.
 */
export async function asCollector<T>(
  parts: StoreParts,
  options: CollectorOptions,
  use: (collector: Collector) => Promise<T>,
): Promise<T> {
  const { stateDir, storeDir } = parts.directories;
  if (options.giveUpReserve) rmSync(join(stateDir, 'db/reserved'), { force: true });
  await prepareSocket(stateDir);
  const lock = LockFile.open(join(stateDir, 'gc.lock'));
  try {
    await takeLock(lock, options);
    const protectedPaths = new ProtectedPaths(storeDir);
    const server = await serveRoots(stateDir, (path) => protectedPaths.add(path));
    try {
      return await use(await survey(parts, { ...options, removeStale: true }, protectedPaths));
    } finally {
      await server.close();
    }
  } finally {
    lock.close();
  }
}

/**
 * Finds out what a collector would know in a store that may not be written to, and so not locked: as it was a moment ago, if
 * somebody else writes to it. What the dead have left in lists of what they worked on counts, as it cannot be told from what
 * the living work on.
 */
export async function observe(
  parts: StoreParts,
  options: Omit<CollectorOptions, 'giveUpReserve'>,
): Promise<Collector> {
  const protectedPaths = new ProtectedPaths(parts.directories.storeDir);
  return await survey(parts, { ...options, removeStale: false }, protectedPaths);
}

async function survey(
  parts: StoreParts,
  options: SurveyOptions,
  protectedPaths: ProtectedPaths,
): Promise<Collector> {
  const { garbage } = parts.database;
  const collector = { liveness: new Liveness(garbage, options), protectedPaths, lastId: garbage.lastId() };
  await markRoots(parts, options, collector);
  return collector;
}

type SurveyOptions = Omit<CollectorOptions, 'giveUpReserve'> & Pick<FindRootsOptions, 'removeStale'>;

async function takeLock(lock: LockFile, { ifBusy, onEvent, signal }: CollectorOptions): Promise<void> {
  const onWait = () => onEvent({ type: 'collect.waiting' });
  for await (const attempt of attempts({ signal, onWait })) {
    if (lock.tryLock('exclusive')) return;
    if (ifBusy !== 'give up' || attempt < shortly || !lock.tryLock('shared')) continue;
    lock.unlock();
    throw new AirplantError('ERR_ABORTED', 'the store is being verified, or paths are being registered', {
      hint: 'Collect garbage once that has ended.',
    });
  }
}

/** Attempts, about half a second: who makes a temporary root has the lock for a moment, too. */
const shortly = 9;

async function markRoots(
  parts: StoreParts,
  { ignoreRoots, removeStale, onEvent, signal }: SurveyOptions,
  { liveness, protectedPaths }: Collector,
): Promise<void> {
  const { garbage } = parts.database;
  const finding = {
    removeStale,
    onNote: (message: string) => onEvent({ type: 'collect.note', message }),
    signal,
  };
  onEvent({ type: 'collect.phase', phase: 'roots' });
  // Before the links: who has made one for what he works on may then end, and take his list away.
  for (const { path } of readTempRoots(parts.directories, finding)) protectedPaths.add(path);
  if (!ignoreRoots) {
    for await (const roots of findRoots(parts, finding))
      await liveness.mark(
        roots.map(({ id }) => id),
        signal,
      );
  }
  await protectedPaths.markFresh(garbage, liveness, signal);
}
