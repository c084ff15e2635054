import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { launcherPath } from '../../native.js';
import type { BuildRequest } from '../records.js';
import type { Variation } from './causes/facts.js';
import type { NotVaried } from './records.js';

/** What varying takes of this machine. */
export interface VaryingHost {
  /** Number of the one processor that builders get when processors are varied; undefined where none can be chosen. */
  readonly oneProcessor: number | undefined;
  /** Host path of the library with the later clock; undefined where there is none for this kind of machine. */
  readonly clock: string | undefined;
  /** The same library with a clock that tells the time of day. */
  readonly stillClock: string | undefined;
  /** The kernel can be told the next process id of a namespace. */
  readonly choosesProcessIds: boolean;
}

export function varyingHost(): VaryingHost {
  const directory = dirname(launcherPath);
  const [clock, stillClock] = ['airplant-clock.node', 'airplant-still-clock.node']
    .map((name) => join(directory, name))
    .map((path) => (existsSync(path) ? path : undefined));
  return {
    oneProcessor: firstProcessor(),
    clock,
    stillClock,
    choosesProcessIds: existsSync('/proc/sys/kernel/ns_last_pid'),
  };
}

/** Copies of inputs have to fit into memory. */
const mostInputBytes = 1024 * 1024 * 1024;

/** What of `varied` cannot be had for a build, and why. `inputBytes`: NAR sizes of all inputs together. Pure. */
export function cannotVary(
  varied: readonly Variation[],
  request: BuildRequest,
  host: VaryingHost,
  inputBytes: number,
): NotVaried[] {
  return varied.flatMap((variation) => {
    const why =
      request.inPlace && sandboxOnly.has(variation)
        ? 'it takes a sandbox on Linux'
        : reasonAgainst(variation, host, inputBytes);
    return why === undefined ? [] : [{ variation, why }];
  });
}

const sandboxOnly: ReadonlySet<Variation> = new Set(['later-day', 'directory-order', 'first-pid']);

function reasonAgainst(variation: Variation, host: VaryingHost, inputBytes: number): string | undefined {
  switch (variation) {
    case 'later-day':
      return host.clock === undefined ? 'there is no preloaded clock for this kind of machine' : undefined;
    case 'first-pid':
      return host.choosesProcessIds ? undefined : 'the kernel was built without CONFIG_CHECKPOINT_RESTORE';
    case 'directory-order':
      return inputBytes > mostInputBytes
        ? `its inputs have ${inputBytes} bytes, and copies of them would have to fit into memory`
        : undefined;
    default:
      return undefined;
  }
}

/** Of those this process may use. */
function firstProcessor(): number | undefined {
  try {
    const status = readFileSync('/proc/self/status', 'utf8');
    const first = /^Cpus_allowed_list:\s*(\d+)/m.exec(status)?.[1];
    return first === undefined ? undefined : Number(first);
  } catch {
    return undefined;
  }
}
