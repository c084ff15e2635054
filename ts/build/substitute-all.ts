import { AirplantError } from '../base/errors.js';
import type { EventSink } from '../base/events.js';
import type { LocalStore } from '../store/local-store.js';
import type { Substitute, Substitutes } from '../substitute/substitutes.js';
import type { Approach } from './approach.js';
import { failureOf } from './outcome.js';
import { schedule } from './schedule.js';

export interface SubstituteAllContext {
  readonly store: LocalStore;
  readonly approach: Approach;
  readonly substitutes: Substitutes;
  readonly emit: EventSink;
  readonly signal: AbortSignal;
}

/** What became of the paths that were to be substituted. */
export interface Substituted {
  /** Paths that were copied, by us. */
  readonly copied: ReadonlySet<string>;
  /**
   * Why paths have not come, those included whose references have not. A path that a substituter had lost meanwhile
   * counts as one it never had.
   */
  readonly failures: ReadonlyMap<string, unknown>;
}

/** Newer Nix's default of `max-substitution-jobs`. */
const mostAtOnce = 16;

/**
 * Copies paths from their substitutes, references first, as many at a time as makes sense. One that fails keeps off
 * those that refer to it and nothing else, and is offered no more.
 * Never rejects. What `signal` stops has neither come nor failed.
 */
export async function substituteAll(
  paths: readonly string[],
  found: ReadonlyMap<string, Substitute>,
  context: SubstituteAllContext,
): Promise<Substituted> {
  const copied = new Set<string>();
  const failures = new Map<string, unknown>();
  const steps = paths.map((path) => ({ key: path, dependsOn: referencesOf(found.get(path)!) }));
  const work = {
    async run(path: string, { signal }: { readonly signal: AbortSignal }): Promise<boolean> {
      const substitute = found.get(path)!;
      try {
        const came = await copy(substitute, { ...context, signal });
        if (came === 'copied') copied.add(path);
        if (came === 'gone') context.substitutes.reject(substitute);
        return came !== 'gone';
      } catch (error) {
        // Whatever breaks off when it is told to stop has not failed.
        if (signal.aborted) return false;
        context.substitutes.reject(substitute);
        failures.set(path, error);
        const { code, message } = failureOf(error);
        context.emit({ type: 'substitute.failed', path, from: substitute.substituter.uri, code, message });
        return false;
      }
    },
    skip(path: string, failedReference: string | undefined): void {
      const error = failedReference === undefined ? undefined : failures.get(failedReference);
      if (error !== undefined) failures.set(path, error);
    },
  };
  await schedule(steps, work, { maxJobs: mostAtOnce, keepGoing: true, signal: context.signal });
  return { copied, failures };
}

async function copy(
  { substituter, info }: Substitute,
  { store, approach, emit, signal }: SubstituteAllContext,
): Promise<'copied' | 'valid already' | 'gone'> {
  const { path, references, narSize } = info;
  const from = substituter.uri;
  const began = Date.now();
  await store.addTempRoot(path, ...references);
  const gone = new AirplantError('ERR_PATH_INVALID', `'${from}' has '${path}' no more`);
  let asked = false;
  const fetch = async (destination: string) => {
    asked = true;
    emit({ type: 'substitute.started', path, from, narSize });
    if (!(await substituter.fetch(path, destination, { signal }))) throw gone;
  };
  try {
    await approach.fetch({ info, fetch }, { signal });
  } catch (error) {
    if (error === gone) return 'gone';
    throw error;
  }
  if (!asked) return 'valid already';
  emit({ type: 'substitute.succeeded', path, from, narSize, milliseconds: Date.now() - began });
  return 'copied';
}

function referencesOf({ info }: Substitute): string[] {
  return info.references.filter((reference) => reference !== info.path);
}
