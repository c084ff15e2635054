import { setTimeout } from 'node:timers/promises';
import type { Derivation } from '../../derivation/derivation.js';
import type { LocalStore } from '../../store/local-store.js';
import { type MadeOutputs, makeOutputs } from '../make-outputs.js';
import { outputPaths } from '../output-paths.js';
import type { BuildRequest } from '../records.js';
import { type BuildTimes, factsOf } from './build-facts.js';
import type { BuildFacts, Variation } from './causes/facts.js';
import type { CheckContext } from './check-derivation.js';
import type { NotVaried } from './records.js';
import { vary } from './vary.js';
import { cannotVary, varyingHost } from './varying-host.js';

/** A derivation, and what is to be made different when it is built. */
export interface VariedJob {
  readonly drvPath: string;
  readonly derivation: Derivation;
  readonly varied: readonly Variation[];
  /** With the preloaded clock of a later day, but one that tells the time of day. */
  readonly stillClock?: true;
}

/** All outputs, made once more. */
export interface VariedBuild extends MadeOutputs {
  readonly notVaried: readonly NotVaried[];
  /** What is known of this build, and of the one that made what is in the store. */
  readonly facts: BuildFacts;
  readonly usualFacts: BuildFacts;
}

/** Builds all outputs of a derivation under other conditions. Throws what `makeOutputs` throws. */
export async function makeVaried(job: VariedJob, context: CheckContext): Promise<VariedBuild> {
  const { drvPath, derivation, varied } = job;
  const { store, emit } = context;
  const notLater = varied.includes('later-start') ? await untilLater(job, context) : [];
  const requests = new VariedRequests(job, store);
  const made = await makeOutputs(
    { drvPath, derivation, missing: [...derivation.outputs.keys()], wanted: 'all' },
    {
      ...context,
      emit: (event) => emit(event.type === 'build.started' ? { ...event, check: true } : event),
      adjust: (request) => requests.adjust(request),
      keepMismatch: true,
    },
  );
  return {
    attempt: made.attempt,
    settled: made.settled,
    refuse: (error) => made.refuse(error),
    notVaried: [...notLater, ...requests.notVaried],
    ...requests.facts(made.attempt),
    [Symbol.asyncDispose]: () => made[Symbol.asyncDispose](),
  };
}

/** The clock shows another second than when the outputs were made, and than the one after; else why that is not so. */
async function untilLater(job: VariedJob, { store, signal }: CheckContext): Promise<NotVaried[]> {
  const latest = Math.max(...registrationTimes(job, store));
  const milliseconds = (latest + laterSeconds + 1) * 1000 - Date.now();
  if (milliseconds > mostWaiting) {
    const why = `the store has ${new Date(latest * 1000).toISOString()} for when the outputs were made, and that is still to come`;
    return [{ variation: 'later-start', why }];
  }
  if (milliseconds > 0) await setTimeout(milliseconds, undefined, { signal });
  return [];
}

const laterSeconds = 2;
/** Milliseconds: a clock that was set back by less is waited for. */
const mostWaiting = 10_000;

/** What the derivation asked for and what was asked of the executor instead. */
class VariedRequests {
  readonly #job: VariedJob;
  readonly #store: LocalStore;
  #usual: BuildRequest | undefined;
  #varied: BuildRequest | undefined;
  #really: readonly Variation[] = [];
  notVaried: readonly NotVaried[] = [];

  constructor(job: VariedJob, store: LocalStore) {
    this.#job = job;
    this.#store = store;
  }

  adjust(request: BuildRequest): BuildRequest {
    const { varied, derivation, stillClock } = this.#job;
    const usualHost = varyingHost();
    const host = stillClock ? { ...usualHost, clock: usualHost.stillClock } : usualHost;
    const inputBytes = request.inputs.reduce((sum, path) => sum + this.#store.pathInfo(path).narSize, 0);
    this.notVaried = cannotVary(varied, request, host, inputBytes);
    const without = new Set(this.notVaried.map(({ variation }) => variation));
    this.#usual = request;
    this.#really = varied.filter((one) => !without.has(one));
    this.#varied = vary(request, this.#really, { derivation, host });
    return this.#varied;
  }

  /** `times`: when the varied build ran. */
  facts(times: BuildTimes): Pick<VariedBuild, 'facts' | 'usualFacts'> {
    const usual = this.#usual!;
    // buildEnvironment sets it, always and last.
    const buildDirectory = new Map(usual.env).get('NIX_BUILD_TOP')!;
    return {
      facts: factsOf(this.#varied!, buildDirectory, times, this.#shown()),
      usualFacts: factsOf(usual, buildDirectory, this.#earlierTimes(times)),
    };
  }

  #shown(): readonly Variation[] {
    return this.#job.stillClock ? this.#really.filter((one) => one !== 'later-day') : this.#really;
  }

  /** The store knows when the outputs were registered; how long it took to make them is guessed, generously. */
  #earlierTimes({ startedAt, stoppedAt }: BuildTimes): BuildTimes {
    const registered = registrationTimes(this.#job, this.#store);
    return {
      startedAt: Math.min(...registered) - 2 * (stoppedAt - startedAt) - 10,
      stoppedAt: Math.max(...registered),
    };
  }
}

/** Unix seconds, of each output in the store. */
function registrationTimes(
  { drvPath, derivation }: Pick<VariedJob, 'drvPath' | 'derivation'>,
  store: LocalStore,
): number[] {
  return Object.values(outputPaths(drvPath, derivation)).map((path) => store.pathInfo(path).registrationTime);
}
