import { type Cause, type FailedStep, isRefusal } from '../cause.js';
import type { Container } from '../host.js';

/**
 * Something around this process that refuses what the kernel alone would allow. Only looked at for refusals that have
 * no plainer cause.
 */
export const confinementCauses: readonly Cause[] = [
  {
    // The namespace is granted and its capabilities are not, so that what needs them first fails. A filter would
    // rather have refused the namespace.
    applies: (failure, host) =>
      isConfined(failure) &&
      host.apparmorRestrictsUserns === 1 &&
      !(host.seccomp && failure.step === 'unshare-user'),
    explain: (_, host) => ({
      cause:
        'kernel.apparmor_restrict_unprivileged_userns is 1: AppArmor takes the capabilities out of user namespaces (Ubuntu 23.10 and later).',
      cure: `As root, allow the launcher: \`${profileCommand(host.launcher)}\`; or allow every program: \`sysctl -w kernel.apparmor_restrict_unprivileged_userns=0\`.`,
    }),
  },
  {
    applies: (failure, host) => isConfined(failure) && host.seccomp,
    explain: ({ step }, host) => ({
      cause: `A seccomp filter is in force${placeOf(host.container)}, and refuses the system call behind ${step}.`,
      cure: seccompCure(host.container),
    }),
  },
  {
    applies: (failure, host) => isConfined(failure) && host.container !== undefined,
    explain: (_, host) => ({
      cause: `The security policy of the container${host.container === 'other' ? '' : ` (${host.container})`} refuses it.`,
      cure: 'Start the container with `--security-opt apparmor=unconfined --security-opt label=disable --security-opt seccomp=unconfined`.',
    }),
  },
];

/** A refusal of something that needs namespaces or the capabilities in them. */
function isConfined({ step, errno }: FailedStep): boolean {
  return (
    isRefusal(errno) &&
    /^(unshare|write|mount)-|^(bind|read-only|pivot-root|detach-host-root|loopback-up|set-hostname|set-domainname|capabilities|set-ids)$/.test(
      step,
    )
  );
}

function placeOf(container: Container | undefined): string {
  return container === undefined || container === 'other' ? '' : ` (${container})`;
}

function seccompCure(container: Container | undefined): string {
  switch (container) {
    case 'docker':
      return 'Start the container with `docker run --security-opt seccomp=unconfined --security-opt systempaths=unconfined …`.';
    case 'podman':
      return 'Start the container with `podman run --security-opt seccomp=unconfined --security-opt unmask=ALL …`.';
    case 'kubernetes':
      return 'Set `seccompProfile: {type: Unconfined}`, `procMount: Unmasked` and `hostUsers: false` in the security context of the pod.';
    default:
      return 'Start airplant outside the sandbox, or have its filter allow unshare(2), mount(2) and pivot_root(2); in a systemd unit that is `RestrictNamespaces=no` and `SystemCallFilter=@mount`.';
  }
}

/** One line that writes and loads an AppArmor profile granting user namespaces to one program. */
function profileCommand(program: string): string {
  const profile = `abi <abi/4.0>, profile airplant "${program}" flags=(unconfined) { userns, }`;
  return `echo '${profile}' > /etc/apparmor.d/airplant && apparmor_parser -r /etc/apparmor.d/airplant`;
}
