import { type IdSupply, idsPerRange, offersRange } from '../config/id-supply.js';
import type { Explanation } from './cause.js';
import type { Check } from './check.js';
import type { Host } from './host.js';

/** Why builds can have no range of ids here, and what to do; undefined where they can. Pure. */
export function rangeExplanation(supply: IdSupply): Explanation | undefined {
  if (offersRange(supply)) return undefined;
  if (supply.hindrance) return hindrances[supply.hindrance];
  const programs = (['newuidmap', 'newgidmap'] as const).filter((name) => supply[name] === undefined);
  if (programs.length > 0) {
    return {
      cause: `There is no program ${programs.join(' and no ')}, which map subordinate ids for ordinary users.`,
      cure: 'Install them: `apt install uidmap`, `dnf install shadow-utils`, `apk add shadow-uidmap`.',
    };
  }
  const files = [
    ...(hasRange(supply.uids) ? [] : ['/etc/subuid']),
    ...(hasRange(supply.gids) ? [] : ['/etc/subgid']),
  ];
  return {
    cause: `This user has no ${idsPerRange} subordinate ids in a row in ${files.join(' or ')}.`,
    cure: 'As root, with numbers that are nobody else’s: `usermod --add-subuids 200000-265535 --add-subgids 200000-265535 USER`.',
  };
}

/** Whether builds can have many ids, as those that require `uid-range` do. */
export function rangeCheck({ ids }: Pick<Host, 'ids'>): Check {
  const name = 'ranges of ids';
  const explanation = rangeExplanation(ids);
  if (!explanation) return { name, ok: true, required: false };
  return { name, ok: false, required: false, ...explanation, cost: withoutRange };
}

/** What there is to do without where builds have one id. */
export const withoutRange =
  'Derivations that require the system feature uid-range, such as tests with systemd-nspawn, are not built here.';

/** Whether builders have more rights on files than the caller's own. */
export function groupsCheck({ supplementaryGroups, ids }: Pick<Host, 'supplementaryGroups' | 'ids'>): Check {
  const name = 'no supplementary groups';
  const droppable = ids.hostRoot || (ids.newgidmap !== undefined && ids.gids.length > 0 && !ids.hindrance);
  if (supplementaryGroups.length === 0 || droppable) return { name, ok: true, required: false };
  return {
    name,
    ok: false,
    required: false,
    cause: `This process belongs to the groups ${supplementaryGroups.join(', ')}, which an ordinary user cannot leave in a user namespace without newgidmap and a subordinate group.`,
    cure: 'Install `uidmap` (`shadow-utils`) and, as root, `usermod --add-subgids 200000-265535 USER`; or start airplant as a user that is in no other group.',
    cost: 'A builder can read in `sandbox-paths` what those groups may read; inputs and outputs are not affected.',
  };
}

const hindrances: Readonly<Record<NonNullable<IdSupply['hindrance']>, Explanation>> = {
  'no-new-privileges': {
    cause:
      'This process may start no program with more rights than its own (no_new_privs), and newuidmap needs them.',
    cure: 'Start airplant without `NoNewPrivileges=yes` of systemd, or `--security-opt no-new-privileges` of a container.',
  },
  'other-group': {
    cause: 'The group of this process is not the one of its account, and newuidmap serves no others.',
    cure: 'Start airplant in a new login, or with `newgrp` and the group that `id -gn USER` prints.',
  },
};

function hasRange(runs: IdSupply['uids']): boolean {
  return runs.some(({ count }) => count >= idsPerRange);
}
