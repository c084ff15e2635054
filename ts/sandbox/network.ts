import { readFileSync } from 'node:fs';
import { AirplantError } from '../base/errors.js';
import { findProgram } from '../base/find-program.js';
import { quote } from '../base/quote.js';
import type { Explanation } from '../doctor/cause.js';
import type { Host } from '../doctor/host.js';
import { tunExplanation } from '../doctor/network.js';
import { pastaHelper, slirpHelper } from './network-helpers.js';
import type { BuildRequest } from './request.js';
import type { NetworkHelper } from './spec.js';

/** How a build is connected that may use the network. */
export type Connection =
  | {
      /** A network of its own, connected by a program. */
      readonly kind: 'helper';
      readonly helper: NetworkHelper;
      /** Contents of /etc/resolv.conf in the sandbox: the helper's own forwarder. */
      readonly resolvConf: string;
    }
  | {
      readonly kind: 'host';
      /** Connecting to abstract sockets made outside the sandbox is refused (Landlock). */
      readonly scopeAbstractSockets: boolean;
    };

export interface NetworkOptions {
  /** Name to be looked up in `searchPath`, or absolute path; empty: not to be used. */
  readonly pasta: string;
  readonly slirp4netns: string;
  /** How long it may take to connect a build; 0 = no limit. */
  readonly timeoutSeconds: number;
  /** As the variable PATH has it; relative directories in it are not searched. */
  readonly searchPath: string;
}

/** `instead`: why it is the host's network although one of its own was to be tried first. */
export interface ChosenConnection {
  readonly connection: Connection;
  readonly instead?: Explanation;
}

/**
 * How a build gets to the network it asks for, as far as can be told without trying; undefined when it asks for none.
 *
 * Throws ERR_NETWORK_HELPER with cause and cure when it must have a network of its own and cannot.
 */
export function chooseConnection(
  wish: BuildRequest['network'],
  options: NetworkOptions,
  host: Pick<Host, 'tun' | 'landlock'>,
): ChosenConnection | undefined {
  if (wish === 'none') return undefined;
  if (wish === 'host') return { connection: hostConnection(host) };
  const found = findHelper(options, host);
  if ('helper' in found) return { connection: { kind: 'helper', ...found } };
  if (wish === 'auto') return { connection: hostConnection(host), instead: found };
  throw new AirplantError('ERR_NETWORK_HELPER', `no network of its own can be had: ${found.cause}`, {
    hint: found.cure,
  });
}

/** The host's network, with as little of the host in it as this kernel allows. */
export function hostConnection({ landlock }: Pick<Host, 'landlock'>): Connection {
  return { kind: 'host', scopeAbstractSockets: landlock >= landlockWithScopes };
}

/** The version of Landlock (Linux 6.12) that can keep a process from abstract sockets. */
export const landlockWithScopes = 6;

type Found = { readonly helper: NetworkHelper; readonly resolvConf: string } | Explanation;

/** The first helper there is, or why there is none. */
export function findHelper(options: NetworkOptions, host: Pick<Host, 'tun'>): Found {
  const timeoutMilliseconds = Math.min((options.timeoutSeconds || Infinity) * 1000, 2 ** 31 - 1);
  const pasta = findProgram(options.pasta, options.searchPath);
  const slirp = pasta === undefined ? findProgram(options.slirp4netns, options.searchPath) : undefined;
  if (pasta === undefined && slirp === undefined) {
    const names = [options.pasta, options.slirp4netns]
      .filter((name) => name !== '')
      .map((name) => quote(name));
    return {
      cause:
        names.length === 0
          ? 'Both `pasta-path` and `slirp4netns-path` are empty.'
          : `There is no program ${names.join(' or ')}.`,
      cure: 'Install pasta (`apt install passt`, `dnf install passt`) or slirp4netns, or name it with `pasta-path`.',
    };
  }
  if (!host.tun) return tunExplanation;
  return pasta !== undefined
    ? pastaHelper(pasta, timeoutMilliseconds, nameserverFamilies(readResolvConf()))
    : slirpHelper(slirp!, timeoutMilliseconds);
}

function readResolvConf(): string {
  try {
    return readFileSync('/etc/resolv.conf', 'latin1');
  } catch {
    return '';
  }
}

/** Which kinds of address the nameservers of a resolv.conf have; without any it is the loopback one's. */
export function nameserverFamilies(resolvConf: string): { readonly ipv4: boolean; readonly ipv6: boolean } {
  const servers = [...resolvConf.matchAll(/^nameserver[ \t]+(\S+)/gm)].map(([, address]) => address!);
  const ipv6 = servers.some((address) => address.includes(':'));
  return { ipv4: !ipv6 || servers.some((address) => !address.includes(':')), ipv6 };
}
