import { isAirplantError } from '../base/errors.js';
import type { Explanation } from '../doctor/cause.js';
import { probeHost } from '../doctor/probe.js';
import {
  type ChosenConnection,
  chooseConnection,
  hostConnection,
  type NetworkOptions,
} from '../sandbox/network.js';
import type { BuildRequest } from './records.js';

/** How the builds of one executor get to the network, and what has been learnt of this machine by trying. */
export class NetworkChoice {
  readonly #options: NetworkOptions;
  /** Why builds go without a network of their own, once one has tried in vain. */
  #noPrivateNetwork: Explanation | undefined;
  readonly #warned = new Set<string>();

  constructor(options: NetworkOptions) {
    this.#options = options;
  }

  /** How a request will be connected with the network it asks for. Throws ERR_NETWORK_HELPER. */
  async connect({ network, unsealed, inPlace }: BuildRequest): Promise<ChosenConnection | undefined> {
    if (network === 'none' || unsealed) return undefined;
    if (inPlace) return connectInPlace(network);
    const host = await probeHost();
    if (network === 'auto' && this.#noPrivateNetwork) {
      return { connection: hostConnection(host), instead: this.#noPrivateNetwork };
    }
    return chooseConnection(network, this.#options, host);
  }

  /**
   * What an attempt threw that was connected like this: true if `connect` now gives the host's network instead. That
   * takes `auto`, and a refusal that is this machine's. What another build may have brought about, such as a time-out,
   * opens nothing to anybody.
   */
  giveUpPrivate(error: unknown, { network }: BuildRequest, chosen: ChosenConnection | undefined): boolean {
    if (network !== 'auto' || chosen?.connection.kind !== 'helper') return false;
    if (!isAirplantError(error, 'ERR_NETWORK_HELPER') || error.details['machine'] !== true) return false;
    this.#noPrivateNetwork = { cause: `${error.message}.`, cure: 'Run `airplant doctor`.' };
    return true;
  }

  /** A warning for whom it is new that `chosen` is less than was to be tried first: each reason is told once. */
  warning(chosen: ChosenConnection | undefined): string | undefined {
    if (!chosen?.instead || this.#warned.has(chosen.instead.cause)) return undefined;
    const { cause, cure } = chosen.instead;
    this.#warned.add(cause);
    return `fixed-output builds use the network of this machine, its loopback services included: ${cause} ${cure}`;
  }
}

/** In a sandbox on macOS. Its planner refuses a build that must have a network of its own. */
function connectInPlace(network: BuildRequest['network']): ChosenConnection {
  const connection = { kind: 'host', scopeAbstractSockets: false } as const;
  return network === 'auto' ? { connection, instead: noneOnMacOs } : { connection };
}

const noneOnMacOs: Explanation = {
  cause: 'macOS has no network namespaces.',
  cure: 'With `fixed-output-network = host` this is not said.',
};
