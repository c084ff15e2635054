import type { EventSink } from '../base/events.js';
import type { HeldLocks, LocalStore } from '../store/local-store.js';
import type { Approach } from './approach.js';
import type { JobSlot } from './job-slot.js';
import type { PlannedBuild } from './records.js';

/** What is to be built, and by nobody else meanwhile. */
export interface Claim {
  readonly locks: HeldLocks;
  /** Names of the outputs that are still to be made; empty if another process has made them all. */
  readonly missing: readonly string[];
}

/**
 * Locks the outputs of a derivation (their paths by name) against every other process, ours or Nix's, and looks
 * again at what is missing. With something missing, the slot is held too.
 *
 * Whoever has to wait for a lock has no slot meanwhile, so that other builds go on; and whoever has to wait for a slot
 * has no lock, as in Nix, so that another process with a free slot can build.
 */
export async function claimOutputs(
  planned: Pick<PlannedBuild, 'drvPath' | 'missing'>,
  outputs: Readonly<Record<string, string>>,
  context: ClaimContext,
): Promise<Claim> {
  const { store, approach, slot, emit, signal } = context;
  const { drvPath } = planned;
  const claimWith = async (locks: HeldLocks): Promise<Claim> => {
    try {
      const missing: string[] = [];
      for (const name of planned.missing) {
        if (!(await approach.isDone(outputs[name]!, { signal }))) missing.push(name);
      }
      return { locks, missing };
    } catch (error) {
      locks.release({ delete: false });
      throw error;
    }
  };
  const paths = Object.values(outputs);
  for (;;) {
    const locks = await store.tryLockPaths(paths);
    if (locks) return await claimWith(locks);
    slot.giveBack();
    const claim = await claimWith(await waitForLocks(drvPath, paths, context));
    if (claim.missing.length === 0 || slot.tryTake()) return claim;
    claim.locks.release({ delete: false });
    emit({ type: 'build.waiting', drvPath, reason: 'slot', paths: [] });
    await slot.take();
  }
}

export interface ClaimContext {
  readonly store: LocalStore;
  readonly approach: Approach;
  readonly slot: JobSlot;
  readonly emit: EventSink;
  readonly signal: AbortSignal;
}

/** Most waits are too short to be worth a word. */
const silentMilliseconds = 200;

async function waitForLocks(
  drvPath: string,
  paths: readonly string[],
  { store, emit, signal }: ClaimContext,
): Promise<HeldLocks> {
  let notice: NodeJS.Timeout | undefined;
  const tell = (busy: string[]) => {
    const event = { type: 'build.waiting', drvPath, reason: 'lock', paths: busy } as const;
    notice = setTimeout(() => emit(event), silentMilliseconds);
  };
  try {
    return await store.lockPaths(paths, { signal, onWait: tell });
  } finally {
    clearTimeout(notice);
  }
}
