import { readFileSync } from 'node:fs';
import { AirplantError } from '../base/errors.js';
import { quote } from '../base/quote.js';
import { delegationCure } from '../doctor/causes/processes.js';
import { probeHost } from '../doctor/probe.js';
import {
  type ControlGroup,
  makeControlGroup,
  missingLimit,
  type ResourceLimits,
  wantedControllers,
} from '../sandbox/control-group.js';
import { removeAbandonedGroups } from '../sandbox/control-group-files.js';
import { checkGroupParent, findGroupParent, prepareGroupParent } from '../sandbox/group-parent.js';
import { limitShortfalls } from '../sandbox/limits-shortfalls.js';
import type { SandboxLimits } from '../sandbox/spec.js';

/** What control groups are wanted for. */
export interface ResourcePolicy {
  /** Those of a build that says nothing of them. */
  readonly limits: ResourceLimits;
  /** A limit that cannot be put in force is an error. */
  readonly required: boolean;
  /** Every build gets a group, also without a limit. */
  readonly always: boolean;
  /** Directory of the group to make them in; empty: looked for. */
  readonly parent: string;
}

/** The group of one build, and what it lacks. */
export interface ResourceGroup {
  readonly group: ControlGroup | undefined;
  readonly shortfalls: readonly string[];
  /** What lacks, for whom it is new: told once. */
  readonly warning?: string;
}

/** Makes the control groups of an executor's builds, where they are wanted and can be had. */
export class ResourceGroups {
  readonly #policy: ResourcePolicy;
  /** By the controllers that it has to hand on: a hook may ask for others than the settings do. */
  readonly #parents = new Map<string, Promise<string | undefined>>();
  /** What lacked, each told once. */
  readonly #told = new Set<string>();

  constructor(policy: ResourcePolicy) {
    this.#policy = policy;
  }

  /**
   * The group of one build, `own` being what its request says of limits. Throws ERR_SANDBOX_UNAVAILABLE if a limit cannot be put in force and the policy requires it,
   * or if the group that was named cannot be used.
   */
  async make(own: ResourceLimits): Promise<ResourceGroup> {
    const { required, always } = this.#policy;
    const limits = overridden(this.#policy.limits, own);
    const wanted = wantedControllers(limits);
    if (wanted.length === 0 && !always) return { group: undefined, shortfalls: [] };
    const parent = await this.#parentFor(wanted);
    const group = parent === undefined ? undefined : makeControlGroup(parent, limits);
    const shortfalls = group ? group.shortfalls : wanted.map(missingLimit);
    if (required && shortfalls.length > 0) {
      await group?.finish();
      throw new AirplantError('ERR_SANDBOX_UNAVAILABLE', shortfalls.join(' '), {
        hint: `${delegationCure} Or turn \`require-build-limits\` off.`,
      });
    }
    const news = shortfalls.filter((one) => !this.#told.has(one));
    for (const one of news) this.#told.add(one);
    const warning = news.length > 0 ? { warning: `${news.join(' ')} ${delegationCure}` } : {};
    return { group, shortfalls, ...warning };
  }

  #parentFor(wanted: readonly string[]): Promise<string | undefined> {
    const key = wanted.join(' ');
    const parent = this.#parents.get(key) ?? this.#prepareParent(wanted);
    this.#parents.set(key, parent);
    return parent;
  }

  async #prepareParent(wanted: readonly string[]): Promise<string | undefined> {
    const { parent: named } = this.#policy;
    const own = (await probeHost()).cgroup;
    if (named !== '' && own === undefined)
      throw unusable(named, 'is no control group (version 2) of this machine');
    if (own === undefined) return undefined;
    const parent = named === '' ? findGroupParent(own, wanted) : checkGroupParent(named, own, wanted);
    if (typeof parent === 'string') throw unusable(named, parent);
    if (parent === undefined) return undefined;
    removeAbandonedGroups(parent.directory);
    prepareGroupParent(parent);
    return parent.directory;
  }
}

/** What a build says of a limit stands, also that there is none (0). */
function overridden(
  usual: ResourceLimits,
  { memoryBytes, pids, cpuPercent }: ResourceLimits,
): ResourceLimits {
  const said = Object.entries({ memoryBytes, pids, cpuPercent }).filter(([, value]) => value !== undefined);
  return { ...usual, ...Object.fromEntries(said) };
}

function unusable(directory: string, why: string): AirplantError {
  return new AirplantError(
    'ERR_SANDBOX_UNAVAILABLE',
    `builds cannot have control groups below ${quote(directory)}: it ${why}`,
    { hint: 'Leave `build-cgroup` empty, or name a group in /sys/fs/cgroup that you may make others in.' },
  );
}

/** What a build has less of than its rlimits ask for, given what this process inherited. */
export function inheritedShortfalls(limits: SandboxLimits): string[] {
  try {
    return limitShortfalls(limits, readFileSync('/proc/self/limits', 'utf8'));
  } catch {
    return [];
  }
}
