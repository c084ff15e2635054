import { basename } from 'node:path';
import type { NetworkHelper } from './spec.js';

/**
 * What the two programs are told that can connect a network namespace with the host's network as an ordinary user.
 *
 * A builder sees the same with both, on every machine: one interface with fixed addresses. It can open connections to
 * where the host can, and nobody can open one to it. Nothing leads to loopback addresses of the host, except that
 * questions to the nameserver below go to the one the host asks, which may be there. Facts: pasta(1), slirp4netns(1).
 */
interface Helper {
  readonly helper: NetworkHelper;
  readonly resolvConf: string;
}

const interfaceName = 'eth0';
const macAddress = '52:54:00:12:34:56';
const ipv4 = { address: '10.0.2.100', prefixLength: '24', gateway: '10.0.2.2', nameserver: '10.0.2.3' };
// Of a unique local network (RFC 4193) whose number was drawn by lot, so that it is nobody else's.
const ipv6 = {
  address: 'fd6f:1c3d:72aa::100',
  gateway: 'fd6f:1c3d:72aa::2',
  nameserver: 'fd6f:1c3d:72aa::3',
};

/**
 * Where clouds tell machines their secrets: link-local addresses, and others that Azure, Alibaba, Oracle, Amazon, Google
 * and OpenStack use for the same.
 */
const unreachable = [
  '169.254.0.0/16',
  '168.63.129.16/32',
  '100.100.100.200/32',
  '192.0.0.192/32',
  'fd00:ec2::254/128',
  'fd20:ce::254/128',
  'fe80::a9fe:a9fe/128',
];

/** `nameservers`: the kinds of address that the host's nameservers have; pasta keeps questions to their kind. */
export function pastaHelper(
  program: string,
  timeoutMilliseconds: number,
  nameservers: { readonly ipv4: boolean; readonly ipv6: boolean },
): Helper {
  const own = [
    ...(nameservers.ipv4 ? [ipv4.nameserver] : []),
    ...(nameservers.ipv6 ? [ipv6.nameserver] : []),
  ];
  const argv = [
    basename(program),
    ...['--foreground', '--quiet', '--config-net'],
    ...['--netns', '/proc/self/fd/0', '--userns', '/proc/self/fd/1'],
    // Without these, every port that is open on one side opens on the other.
    ...['-t', 'none', '-u', 'none', '-T', 'none', '-U', 'none'],
    // Without this, the gateway is the host's loopback interface.
    '--no-map-gw',
    // All is configured already, and nothing is to be known of the host's names.
    ...['--no-dhcp', '--no-dhcpv6', '--no-ra'],
    ...['--ns-ifname', interfaceName, '--ns-mac-addr', macAddress, '--mtu', '1500'],
    ...['--address', ipv4.address, '--netmask', ipv4.prefixLength, '--gateway', ipv4.gateway],
    ...['--address', ipv6.address, '--gateway', ipv6.gateway],
    ...own.flatMap((address) => ['--dns-forward', address]),
    // The default for root is a user that may not enter the sandbox's namespaces.
    ...(process.geteuid?.() === 0 ? ['--runas', '0:0'] : []),
  ];
  return { helper: { program, argv, timeoutMilliseconds, unreachable }, resolvConf: resolvConf(own) };
}

export function slirpHelper(program: string, timeoutMilliseconds: number): Helper {
  const argv = [
    basename(program),
    ...['--configure', '--disable-host-loopback', '--enable-seccomp', '--mtu=1500'],
    ...[`--cidr=10.0.2.0/${ipv4.prefixLength}`, `--macaddress=${macAddress}`],
    ...['--netns-type=path', '--userns-path=/proc/self/fd/1', '/proc/self/fd/0', interfaceName],
  ];
  return {
    helper: { program, argv, timeoutMilliseconds, unreachable },
    resolvConf: resolvConf([ipv4.nameserver]),
  };
}

function resolvConf(nameservers: readonly string[]): string {
  return nameservers.map((address) => `nameserver ${address}\n`).join('');
}
