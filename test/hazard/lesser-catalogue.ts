import { catalogue, type Outcome, type Row } from './catalogue.js';

/**
 * The golden table for a kernel that lacks some system calls: an attempt that takes one of them fails with ENOSYS, with
 * a sandbox or without. Everything else comes out as on a kernel that has them, whatever our set-up does instead.
 */
export function catalogueWithout(missing: readonly string[]): typeof catalogue {
  if (missing.length === 0) return catalogue;
  const rows = Object.entries(catalogue).map(([id, row]): [string, Row] => {
    const attempts = Object.entries(row.attempts).map(([name, outcome]): [string, Outcome] => {
      const attempt = `${id} ${name}`;
      const lacking = takes[attempt]?.findIndex((call) => missing.includes(call)) ?? -1;
      if (lacking >= 0) return [name, lacking === 0 ? noSuchCall : refusedBefore];
      return [name, ofTheWrapper[attempt] ?? outcome];
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

/** What takes the calls away is itself a filter, which only a process without new privileges may have. */
const ofTheWrapper: Readonly<Record<string, Outcome>> = {
  'U3 NoNewPrivs': { kind: 'kernel', sandbox: '1', bare: '1' },
  'U3 Seccomp': { kind: 'kernel', sandbox: '2', bare: '2' },
};
