import { AirplantError } from '../base/errors.js';
import { quote } from '../base/quote.js';
import { describeIsolation } from '../sandbox/isolation.js';
import { killAtOnce, type launchSandbox } from '../sandbox/launch.js';
import { transientHint } from '../sandbox/network-failure.js';
import type { SandboxExit, SandboxSpec } from '../sandbox/spec.js';
import { isDiskNearlyFull } from './disk-space.js';
import type { AttemptHooks, ExecutorJob } from './executor.js';
import { LastLines } from './last-lines.js';
import { madeOutputs } from './made-outputs.js';
import type { BuildOptions } from './options.js';
import type { Attempt, BuildRequest } from './records.js';
import { inheritedShortfalls, type ResourceGroups } from './resource-group.js';
import type { Place } from './scratch.js';
import { Watchdog } from './watchdog.js';

/** An attempt at a request, planned in a place that exists. */
export interface PlannedAttempt extends Pick<ExecutorJob, 'observe'> {
  readonly request: BuildRequest;
  readonly place: Place;
  readonly spec: SandboxSpec;
  /** What the sandbox lacks already, a sentence each. */
  readonly lacking: readonly string[];
}

export interface AttemptContext {
  readonly options: Pick<BuildOptions, 'logLines' | 'terminationGrace' | 'ids'>;
  readonly groups: ResourceGroups;
  readonly launch: typeof launchSandbox;
}

/**
 * Launches a sandbox, passes on what its builder writes, keeps the limits of the request, and says how it ended. Nothing of
 * it runs any more then. Throws ERR_ABORTED, ERR_NETWORK_HELPER, what `launchSandbox` throws, and what `hooks.onLog` rejects
 * with.
 */
export async function runAttempt(
  job: PlannedAttempt,
  hooks: AttemptHooks,
  { options, groups, launch }: AttemptContext,
): Promise<Attempt> {
  const { request, place, observe, lacking } = job;
  // Last, as nothing but the end of the attempt removes it.
  const { group, shortfalls, warning } = await groups.make(request.limits);
  if (warning !== undefined) hooks.onWarning(warning);
  const spec: SandboxSpec = {
    ...job.spec,
    ...(group ? { controlGroup: group.directory } : {}),
    ...(observe ? { observed: true } : {}),
  };
  const tail = new LastLines(options.logLines);
  const kill = new AbortController();
  let verdict: Attempt['outcome'] | undefined;
  let logFailure: unknown;
  const watchdog = new Watchdog(request.limits, (limit) => {
    verdict = limit;
    // Who has written too much gets no chance to write more.
    kill.abort(limit.kind === 'log-limit' ? killAtOnce : limit);
  });
  const startedAt = unixTime();
  const isolation = describeIsolation(spec, options.ids.caller.groups);
  try {
    const sandbox = await launch(spec, {
      signal: AbortSignal.any([hooks.signal, kill.signal]),
      graceSeconds: options.terminationGrace,
      onAttempt: observe,
      onLog(chunk) {
        if (verdict || !watchdog.output(chunk.length)) return undefined;
        tail.push(chunk);
        const held = hooks.onLog(chunk);
        if (!held) return undefined;
        const release = watchdog.hold();
        return held.then(release, (error) => {
          logFailure ??= error;
          kill.abort(killAtOnce);
        });
      },
    });
    watchdog.start();
    const exit = await sandbox.exit;
    const used = await group?.finish();
    if (hooks.signal.aborted) throw cancelled(request.name);
    if (logFailure) throw logFailure;
    if (exit.kind === 'network-lost' && !verdict) throw networkLost(request.name, spec);
    const outcome = verdict ?? outcomeOf(exit);
    return {
      outcome,
      startedAt,
      stoppedAt: unixTime(),
      usage: { ...exit.usage, ...used },
      isolation: {
        ...isolation,
        ...(group ? { limits: group.applied } : {}),
        shortfalls: [...isolation.shortfalls, ...lacking, ...inheritedShortfalls(spec.limits), ...shortfalls],
      },
      diskNearlyFull: !isSuccess(outcome) && (await isDiskNearlyFull(place.scratch, place.buildDirectory)),
      lastLines: tail.lines(),
      outputs: request.inPlace ? new Map() : madeOutputs(place, request),
    };
  } catch (error) {
    if (hooks.signal.aborted) throw cancelled(request.name);
    throw error;
  } finally {
    await group?.finish();
    watchdog.stop();
  }
}

/** What a cancelled build ends with. */
export function cancelled(name: string): AirplantError {
  return new AirplantError('ERR_ABORTED', `the build of '${name}' was cancelled`);
}

function outcomeOf(exit: SandboxExit): Attempt['outcome'] {
  // Nothing but an abort or a limit kills a sandbox from outside, and both have been looked at.
  if (exit.kind === 'killed' || exit.kind === 'network-lost') return { kind: 'signalled', signal: 9 };
  return exit.kind === 'exited'
    ? { kind: 'exited', status: exit.status }
    : { kind: 'signalled', signal: exit.signal };
}

function networkLost(name: string, spec: SandboxSpec): AirplantError {
  return new AirplantError(
    'ERR_NETWORK_HELPER',
    `the build of '${name}' lost its network: ${quote(spec.networkHelper?.program ?? '')} ended before the builder did`,
    { hint: transientHint, details: { machine: false } },
  );
}

function isSuccess(outcome: Attempt['outcome']): boolean {
  return outcome.kind === 'exited' && outcome.status === 0;
}

function unixTime(): number {
  return Math.floor(Date.now() / 1000);
}
