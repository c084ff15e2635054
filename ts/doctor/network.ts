import type { Explanation } from './cause.js';
import type { Check } from './check.js';
import type { Host } from './host.js';

/** Why no program can connect a sandbox with the network, and what to do. */
export const tunExplanation: Explanation = {
  cause: '/dev/net/tun is missing, or may not be opened for reading and writing.',
  cure: 'As root: `modprobe tun` and `chmod 0666 /dev/net/tun`, which is how most distributions have it.',
};

/** Whether fixed-output builds can have a network interface of their own. */
export function tunCheck({ tun }: Pick<Host, 'tun'>): Check {
  const name = 'network interfaces of their own';
  if (tun) return { name, ok: true, required: false };
  return { name, ok: false, required: false, ...tunExplanation, cost: withoutPrivateNetwork };
}

/** What there is to do without where fixed-output builds have no network of their own. */
export const withoutPrivateNetwork =
  'Fixed-output builds use the network of this machine, where its loopback services can be reached, and fail with ' +
  '`fixed-output-network = private`.';

/** Whether a build on the host's network can be kept from the abstract sockets of others. */
export function landlockCheck({ landlock }: Pick<Host, 'landlock'>): Check {
  const name = 'abstract sockets out of reach on the network of the host';
  if (landlock >= 6) return { name, ok: true, required: false };
  return {
    name,
    ok: false,
    required: false,
    cause:
      landlock === 0
        ? 'This kernel has no Landlock, or has it turned off.'
        : `Landlock of this kernel has version ${landlock}, and 6 is needed.`,
    cure: 'Use Linux 6.12 or later, with `landlock` in its `lsm=` parameter.',
    cost: 'A fixed-output build on the network of the host can connect to abstract sockets, such as those of a desktop session.',
  };
}
