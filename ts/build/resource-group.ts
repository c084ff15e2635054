import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { AirplantError } from '../base/errors.js';
import { probeHost } from '../doctor/probe.js';
import {
  type ControlGroup,
  makeControlGroup,
  missingLimit,
  type ResourceLimits,
  wantedControllers,
} from '../sandbox/control-group.js';
import { limitShortfalls } from '../sandbox/limits-shortfalls.js';
import type { SandboxLimits } from '../sandbox/spec.js';

/** What control groups are wanted for. */
export interface ResourcePolicy {
  readonly limits: ResourceLimits;
  /** A limit that cannot be put in force is an error. */
  readonly required: boolean;
  /** Every build gets a group, also without a limit. */
  readonly always: boolean;
}

/** The group of one build, and what it lacks. */
export interface ResourceGroup {
  readonly group: ControlGroup | undefined;
  readonly shortfalls: readonly string[];
}

/**
 * The control group of one build where one is wanted and can be had. `parent`: a delegated group, found on this host
 * unless it is named.
 *
 * Throws ERR_SANDBOX_UNAVAILABLE if a limit cannot be put in force and the policy requires it.
 */
export async function makeResourceGroup(policy: ResourcePolicy, parent?: string): Promise<ResourceGroup> {
  const wanted = wantedControllers(policy.limits);
  if (wanted.length === 0 && !policy.always) return { group: undefined, shortfalls: [] };
  const directory = parent ?? (await probeHost()).delegatedCgroup?.directory;
  const name = `airplant-${process.pid}-${randomBytes(4).toString('hex')}`;
  const group = directory === undefined ? undefined : makeControlGroup(directory, name, policy.limits);
  const shortfalls = group ? group.shortfalls : wanted.map(missingLimit);
  if (policy.required && shortfalls.length > 0) {
    await group?.finish();
    throw new AirplantError('ERR_SANDBOX_UNAVAILABLE', shortfalls.join(' '), {
      hint: 'Start airplant in a delegated group (`systemd-run --user -p Delegate=yes`), or turn `require-build-limits` off.',
    });
  }
  return { group, shortfalls };
}

/** What a build has less of than its rlimits ask for, given what this process inherited. */
export function inheritedShortfalls(limits: SandboxLimits): string[] {
  try {
    return limitShortfalls(limits, readFileSync('/proc/self/limits', 'utf8'));
  } catch {
    return [];
  }
}
