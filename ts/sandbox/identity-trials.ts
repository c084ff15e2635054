import type { Host } from '../doctor/host.js';
import { withoutRange } from '../doctor/ids.js';
import { defaultStartId, idsPerRange, rangesIn } from '../formats/subordinate-ids.js';
import type { DefaultShell } from './default-shell.js';
import {
  callersIdentity,
  type Identity,
  identityOfMany,
  identityOfOne,
  identityWithoutGroups,
} from './identity.js';
import { smallSpec, type Trial } from './trials.js';

/** Who tries things out: the caller, or where that is root, somebody else. */
export function usualIdentity(host: Host): Identity {
  return host.ids.hostRoot ? identityOfOne(rootsFirst, host) : callersIdentity;
}

/** Trials of identities that this host says it has; ordinary builds do without. */
export function identityTrials(shell: DefaultShell, host: Host): Trial[] {
  const range = someRange(host);
  const withoutGroups = identityWithoutGroups(host, host.ids);
  const trial = (name: string, cost: string, identity: Identity): Trial => ({
    name,
    cost,
    optional: true,
    spec: (root) => smallSpec(root, shell, identity),
  });
  return [
    ...(range ? [trial('a range of ids', withoutRange, range)] : []),
    ...(host.supplementaryGroups.length > 0 && withoutGroups
      ? [
          trial(
            'dropping supplementary groups',
            'No build starts: remove the subordinate groups of this user, and builders keep its groups.',
            withoutGroups,
          ),
        ]
      : []),
  ];
}

const rootsFirst = { uid: defaultStartId, gid: defaultStartId };

function someRange(host: Host): Identity | undefined {
  const { hostRoot, uids, gids, newuidmap, newgidmap, hindrance } = host.ids;
  if (hostRoot) return identityOfMany(rootsFirst, { caller: host });
  const [uid] = rangesIn(uids, idsPerRange);
  const [gid] = rangesIn(gids, idsPerRange);
  if (uid === undefined || gid === undefined || newuidmap === undefined || newgidmap === undefined) {
    return undefined;
  }
  if (hindrance) return undefined;
  return identityOfMany({ uid, gid }, { caller: host, programs: { newuidmap, newgidmap } });
}
