import { idSupply, offersRange, subordinateRanges } from '../../ts/config/id-supply.js';
import { defaultStartId } from '../../ts/formats/subordinate-ids.js';
import {
  callersIdentity,
  type Identity,
  identityOfMany,
  identityOfOne,
  identityWithoutGroups,
} from '../../ts/sandbox/identity.js';

/** What this machine and user have. */
export const supply = idSupply(process.env['PATH'] ?? '');

export const caller = { uid: process.geteuid!(), gid: process.getegid!() };

/** First ids of a range that tests may use. */
export const someRange = supply.hostRoot
  ? { uid: defaultStartId, gid: defaultStartId }
  : (subordinateRanges(supply)[0] ?? { uid: 0, gid: 0 });

/** The usual builder: the caller, unless that is root. */
export const usualIdentity: Identity = supply.hostRoot ? identityOfOne(someRange, caller) : callersIdentity;

/** A builder with many ids. */
export function manyIds(): Identity {
  const { newuidmap, newgidmap } = supply;
  const programs = newuidmap && newgidmap ? { newuidmap, newgidmap } : undefined;
  return identityOfMany(someRange, { caller, programs });
}

/** A builder that is the caller without its groups. */
export function withoutGroups(): Identity {
  return identityWithoutGroups(caller, supply)!;
}

/** Whether there are ranges of ids here, in words for a test that needs one. */
export const noRange: string | false = offersRange(supply) ? false : 'no subordinate ids';
