import { afterBuild } from './after-build.js';
import { claimOutputs } from './claim.js';
import { enforceOutputChecks } from './enforce-checks.js';
import type { JobSlot } from './job-slot.js';
import { type MakeContext, makeOutputs } from './make-outputs.js';
import { outputPaths } from './output-paths.js';
import type { Attempt, PlannedBuild } from './records.js';

/** What realising needs besides the derivation. */
export interface RealiseContext extends MakeContext {
  /** Held; given back while somebody else builds the same. */
  readonly slot: JobSlot;
  /** Called as soon as the outputs are valid: what depends on them need not wait until all is tidied up. */
  readonly onValid?: ((realised: Realised) => void) | undefined;
}

/** What came of one derivation: the paths of its outputs, and how they were built unless another process made them. */
export interface Realised {
  readonly outputs: Readonly<Record<string, string>>;
  readonly built?: {
    readonly attempt: Attempt;
    /** From when nothing had to be waited for any more. */
    readonly milliseconds: number;
  };
}

/**
 * The story of one build: request → sandbox → attempt → settled (`makeOutputs`) → checked
 * against the rules of the derivation → registered.
 *
 * When it resolves, all outputs are valid; when it rejects, nothing new is, unless the post-build hook failed, or
 * `onValid` has been called and only the tidying up failed. Of the sandbox nothing is left either way.
 * Other processes that want the same outputs (ours or Nix's) wait for the path locks and then find them made.
 */
export async function realise(planned: PlannedBuild, context: RealiseContext): Promise<Realised> {
  const { store, signal } = context;
  const { drvPath } = planned;
  const outputs = outputPaths(planned.drvPath, planned.derivation);
  await store.addTempRoot(drvPath, ...Object.values(outputs));
  const { locks, missing } = await claimOutputs(planned, outputs, context);
  const began = Date.now();
  let valid = false;
  try {
    if (missing.length === 0) {
      valid = true;
      return { outputs };
    }
    await using made = await makeOutputs({ ...planned, missing }, context);
    await enforceOutputChecks(planned.derivation, made.settled, context).catch(async (error: unknown) => {
      throw await made.refuse(error);
    });
    signal.throwIfAborted();

    await context.approach.register(made.settled);
    valid = true;
    await afterBuild({ drvPath, outputs }, context);
    const built = { attempt: made.attempt, milliseconds: Date.now() - began };
    const realised = { outputs, built };
    context.onValid?.(realised);
    return realised;
  } finally {
    // As Nix: a lock file goes only once the outputs are valid, so that others re-check instead of racing.
    await locks.release({ delete: valid });
  }
}
