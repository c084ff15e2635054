import type { LocalStore } from '../store/local-store.js';
import type { OutputToRegister } from '../store/register-outputs.js';
import type { Settled } from './records.js';

/**
 * Moves settled outputs into the store and makes them valid in one transaction. Interrupted before the
 * transaction, nothing is valid and the next build or collection clears up what was moved.
 */
export async function registerSettled(settled: Settled, store: LocalStore): Promise<void> {
  await store.registerOutputs(outputsToRegister(settled));
}

/** Settled outputs as the store takes them. */
export function outputsToRegister({ drvPath, outputs }: Settled): OutputToRegister[] {
  return outputs.map(({ path, source, narHash, narSize, references, contentAddress }) => ({
    path,
    source,
    narHash,
    narSize,
    references,
    deriver: drvPath,
    ultimate: true,
    signatures: [],
    ...(contentAddress === undefined ? {} : { contentAddress }),
  }));
}
