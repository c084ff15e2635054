import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type IdSupply, isMapped } from '../../ts/config/id-supply.js';
import { groupsCheck, rangeCheck, rangeExplanation } from '../../ts/doctor/ids.js';

const programs = { newuidmap: '/usr/bin/newuidmap', newgidmap: '/usr/bin/newgidmap' };
const enough = [{ first: 100000, count: 65536 }];
const small = [
  { first: 100000, count: 65535 },
  { first: 300000, count: 1 },
];
const nothing: IdSupply = { hostRoot: false, uids: [], gids: [] };
const everything: IdSupply = { hostRoot: false, uids: enough, gids: enough, ...programs };

test('what is missing for ranges of ids is named, with its cure', () => {
  assert.equal(rangeExplanation(everything), undefined);
  assert.equal(rangeExplanation({ ...nothing, hostRoot: true }), undefined);
  const causeOf = (supply: IdSupply) => rangeExplanation(supply)?.cause ?? '';
  assert.match(causeOf(nothing), /no program newuidmap and no newgidmap/);
  const { newgidmap: _, ...one } = everything;
  assert.match(causeOf(one), /no program newgidmap/);
  assert.match(causeOf({ ...everything, uids: small }), /no 65536 .* in \/etc\/subuid\./);
  assert.match(causeOf({ ...everything, gids: [] }), /in \/etc\/subgid\./);
  assert.match(causeOf({ ...nothing, ...programs }), /in \/etc\/subuid or \/etc\/subgid\./);
  assert.match(causeOf({ ...everything, hindrance: 'no-new-privileges' }), /no_new_privs/);
  assert.match(causeOf({ ...everything, hindrance: 'other-group' }), /group of this process is not the one/);
  const { ok, required, cure, cost } = rangeCheck({ ids: nothing });
  assert.deepEqual([ok, required], [false, false]);
  assert.match(cure ?? '', /apt install uidmap/);
  assert.match(cost ?? '', /uid-range/);
  assert.equal(rangeCheck({ ids: everything }).ok, true);
});

test('groups that stay are named, and those that can be dropped are none', () => {
  const check = (supplementaryGroups: readonly number[], ids: IdSupply) =>
    groupsCheck({ supplementaryGroups, ids });
  assert.equal(check([], nothing).ok, true);
  assert.equal(check([27], everything).ok, true);
  assert.equal(check([27], { ...nothing, hostRoot: true }).ok, true);
  const hindered = { ...everything, hindrance: 'other-group' } as const;
  for (const ids of [nothing, { ...everything, gids: [] }, hindered]) {
    const { ok, required, cause } = check([27, 998], ids);
    assert.deepEqual([ok, required], [false, false]);
    assert.match(cause ?? '', /27, 998/);
  }
});

test('ids that the user namespace around does not have are nobody’s', () => {
  const all = '         0          0 4294967295\n';
  const container = '         0       1000          1\n         1     100000      65536\n';
  assert.ok(isMapped({ first: 100000, count: 65536 }, all));
  assert.ok(isMapped({ first: 1, count: 65536 }, container));
  assert.ok(!isMapped({ first: 0, count: 65536 }, container));
  assert.ok(!isMapped({ first: 2, count: 65536 }, container));
  assert.ok(!isMapped({ first: 1, count: 1 }, ''));
});
