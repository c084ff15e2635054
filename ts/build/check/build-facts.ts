import { availableParallelism, machine, release, type as systemType, version } from 'node:os';
import { addrNoRandomize, uname26 } from '../../sandbox/personality.js';
import type { BuildRequest } from '../records.js';
import type { BuildFacts, Variation } from './causes/facts.js';
import { laterDaySeconds } from './vary.js';

/** When a build ran, Unix seconds. */
export interface BuildTimes {
  readonly startedAt: number;
  readonly stoppedAt: number;
}

/**
 * What the namer may know of a build: the conditions that its builder ran under, with the values that it could see. Of the
 * request it was given nothing else is taken.
 */
export function factsOf(
  request: BuildRequest,
  buildDirectory: string,
  { startedAt, stoppedAt }: BuildTimes,
  varied: readonly Variation[] = [],
): BuildFacts {
  const env = new Map(request.env);
  const ahead = varied.includes('later-day') ? laterDaySeconds : 0;
  const { variation = {} } = request;
  return {
    startedAt: startedAt + ahead,
    stoppedAt: stoppedAt + ahead,
    buildDirectory,
    storePaths: request.outputs.map(({ scratchPath }) => scratchPath),
    pids: request.inPlace ? [] : [variation.firstProcess ?? 2],
    cores: variation.processors?.length ?? availableParallelism(),
    buildCores: Number(env.get('NIX_BUILD_CORES') ?? 1),
    uname: unameOf(request),
    umask: variation.umask ?? 0o022,
    locale: Object.fromEntries(
      [...env].filter(([name]) => /^(LANG$|LC_|LANGUAGE$|TERM$|COLUMNS$|LINES$)/.test(name)),
    ),
    randomAddresses: (request.personality & addrNoRandomize) === 0,
  };
}

function unameOf({ personality, inPlace }: BuildRequest): Record<string, string> {
  return {
    sysname: systemType(),
    release: (personality & uname26) === 0 ? release() : release26(release()),
    version: version(),
    machine: machine(),
    ...(inPlace ? {} : { nodename: 'localhost' }),
  };
}

/** As the kernel makes it up for UNAME26: 2.6.40 is 3.0, 2.6.60 is 4.0. */
function release26(actual: string): string {
  const [, major = '', minor = '', rest = ''] = /^(\d+)\.(\d+)(?:\.\d+)?(.*)$/.exec(actual) ?? [];
  return `2.6.${(Number(major) >= 4 ? 60 : 40) + Number(minor)}${rest}`;
}
