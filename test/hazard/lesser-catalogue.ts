import { readFileSync } from 'node:fs';
import { catalogue, type Outcome, type Row } from './catalogue.js';

/**
 * The golden table for a kernel that lacks some system calls: an attempt that takes one of them fails with ENOSYS, with
 * a sandbox or without. Everything else comes out as on a kernel that has them, whatever our set-up does instead.
 */
export function catalogueWithout(missing: readonly string[]): typeof catalogue {
  const rows = Object.entries(catalogue).map(([id, row]): [string, Row] => {
    const attempts = Object.entries(row.attempts).map(([name, outcome]): [string, Outcome] => {
      const attempt = `${id} ${name}`;
      const lacking = takes[attempt]?.findIndex((call) => missing.includes(call)) ?? -1;
      if (lacking >= 0) return [name, lacking === 0 ? noSuchCall : refusedBefore];
      return [name, inherited[attempt] ?? outcome];
    });
    return [id, { ...row, attempts: Object.fromEntries(attempts) }];
  });
  return Object.fromEntries(rows);
}

/** The newer system calls that attempts make, in order. */
export const takes: Readonly<Record<string, readonly string[]>> = {
  'F5 mount_setattr': ['mount_setattr'],
  'F5 copy': ['open_tree', 'mount_setattr'],
  'F5 capable mount_setattr': ['mount_setattr'],
  'F5 capable copy': ['open_tree', 'mount_setattr'],
  'U7 clone3': ['clone3'],
  'S2 openat2': ['openat2'],
  'S11 pidfd_getfd': ['pidfd_open'],
};

const noSuchCall: Outcome = { kind: 'kernel', sandbox: 'ENOSYS', bare: 'ENOSYS' };
/** In a sandbox a call that is there may have been refused already. */
const refusedBefore: Outcome = { ...noSuchCall, sandbox: /^E(NOSYS|PERM|INVAL)$/ };

/** Fields of /proc/PID/status that every process here may have from its caller, and so the control of U3 as well. */
const inherited: Readonly<Record<string, Outcome>> = Object.fromEntries(
  // What takes calls away, for a test or for a container, is itself a filter, which processes with new privileges may
  // not have.
  Object.entries({ NoNewPrivs: '1', Seccomp: '2' })
    .filter(([field, value]) => ownStatus().includes(`\n${field}:\t${value}\n`))
    .map(([field, value]): [string, Outcome] => [
      `U3 ${field}`,
      { kind: 'kernel', sandbox: value, bare: value },
    ]),
);

function ownStatus(): string {
  return process.platform === 'linux' ? readFileSync('/proc/self/status', 'latin1') : '';
}
