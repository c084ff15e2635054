import type { Check } from './check.js';
import type { Host } from './host.js';

/** Whether builds can use hardware virtualisation. */
export function kvmCheck({ kvm }: Pick<Host, 'kvm'>): Check {
  const name = 'hardware virtualisation';
  if (kvm) return { name, ok: true, required: false };
  return {
    name,
    ok: false,
    required: false,
    cause: '/dev/kvm is missing, or may not be opened for reading and writing.',
    cure: 'As root: `modprobe kvm_intel` or `modprobe kvm_amd`, and `usermod -aG kvm USER` with a new login.',
    cost: 'Derivations that require the system feature kvm, such as NixOS tests, are not built here.',
  };
}
