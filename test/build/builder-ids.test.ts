import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { foreseenIdentity, type IdPolicy, takeBackMaps, takeIdentity } from '../../ts/build/builder-ids.js';
import type { IdSupply } from '../../ts/config/id-supply.js';
import { temporaryDirectory } from '../support/temporary.js';

const directory = temporaryDirectory('builder-ids');
const nothing: IdSupply = { hostRoot: false, uids: [], gids: [] };
const programs = { newuidmap: '/usr/bin/newuidmap', newgidmap: '/usr/bin/newgidmap' };
/** Two ranges and a half. */
const subordinate: IdSupply = {
  ...programs,
  hostRoot: false,
  uids: [{ first: 100000, count: 131072 + 1000 }],
  gids: [
    { first: 300000, count: 65536 },
    { first: 500000, count: 65536 },
  ],
};
let locks = 0;

function policy(supply: IdSupply, groups: readonly number[] = []): IdPolicy {
  return {
    supply,
    caller: { uid: 1000, gid: 100, groups },
    startId: 0x34000000,
    idCount: 2 * 65536,
    lockDirectories: [join(directory, `a-${++locks}`), join(directory, `b-${locks}`)],
  };
}

const one = { range: false };
const many = { range: true };
const outsideUid = (identity: ReturnType<typeof foreseenIdentity>) =>
  identity.idMaps?.uids?.ranges[0]?.outside;
const never = { signal: new AbortController().signal, onWait: () => {} };

test('an ordinary user’s builder is the caller, without groups where they can be dropped', () => {
  assert.deepEqual(foreseenIdentity(policy(nothing), one), { ids: { uid: 1000, gid: 100 } });
  assert.deepEqual(foreseenIdentity(policy(nothing, [27]), one), { ids: { uid: 1000, gid: 100 } });
  assert.deepEqual(foreseenIdentity(policy(subordinate), one), { ids: { uid: 1000, gid: 100 } });
  assert.deepEqual(foreseenIdentity(policy(subordinate, [27]), one).idMaps, {
    gids: {
      ranges: [
        { inside: 100, outside: 100, count: 1 },
        { inside: 65536, outside: 300000, count: 1 },
      ],
      program: '/usr/bin/newgidmap',
    },
  });
});

test('root’s builder is somebody else, under the usual ids', () => {
  assert.deepEqual(foreseenIdentity(policy({ ...nothing, hostRoot: true }), one), {
    ids: { uid: 1000, gid: 100 },
    idMaps: {
      uids: {
        ranges: [
          { inside: 1000, outside: 0x34000000, count: 1 },
          { inside: 65536, outside: 1000, count: 1 },
        ],
      },
      gids: {
        ranges: [
          { inside: 100, outside: 0x34000000, count: 1 },
          { inside: 65536, outside: 100, count: 1 },
        ],
      },
    },
  });
});

test('no two builds have a range at once, and who finds none waits for it', async () => {
  const shared = policy(subordinate);
  const first = await takeIdentity(shared, many, never);
  const second = await takeIdentity(shared, many, never);
  assert.deepEqual(
    [first, second].map(({ identity }) => outsideUid(identity)),
    [100000, 165536],
  );
  assert.deepEqual(second.identity.idMaps?.gids?.ranges[0]?.outside, 500000);

  const abort = new AbortController();
  let waits = 0;
  const third = takeIdentity(shared, many, { signal: abort.signal, onWait: () => waits++ });
  const given = takeIdentity(shared, many, never);
  abort.abort(new Error('enough'));
  await assert.rejects(third, /enough/);
  assert.equal(waits, 1);
  second[Symbol.dispose]();
  assert.equal(outsideUid((await given).identity), 165536);
  // Builds with one id need none.
  assert.equal((await takeIdentity(shared, one, never)).identity.idMaps, undefined);
});

test('all locks of a range are taken, or none', async () => {
  const [ours, theirs] = [policy(subordinate), policy(subordinate)];
  const both = { ...ours, lockDirectories: [...ours.lockDirectories, ...theirs.lockDirectories] };
  const held = await takeIdentity(theirs, many, never);
  assert.equal(outsideUid((await takeIdentity(both, many, never)).identity), 165536);
  assert.equal(outsideUid((await takeIdentity(ours, many, never)).identity), 100000, 'none of ours was kept');
  held[Symbol.dispose]();
});

test('without ranges, or where they cannot be locked, that is an error', async () => {
  await assert.rejects(takeIdentity(policy(nothing), many, never), { code: 'ERR_SANDBOX_UNAVAILABLE' });
  const file = join(directory, 'file');
  writeFileSync(file, '');
  const broken = { ...policy(subordinate), lockDirectories: [join(file, 'below')] };
  await assert.rejects(takeIdentity(broken, many, never), { code: 'ERR_FILE' });
  mkdirSync(join(directory, 'slots', 'slot-0'), { recursive: true });
  await assert.rejects(
    takeIdentity({ ...broken, lockDirectories: [join(directory, 'slots')] }, many, never),
    { code: 'ERR_FILE' },
  );
});

test('root’s range must be nobody’s account', async () => {
  const root = { ...policy({ ...nothing, hostRoot: true }), startId: 65536 - 10 };
  await assert.rejects(takeIdentity(root, one, never), {
    code: 'ERR_SANDBOX_UNAVAILABLE',
    message: /ids 65526 to 131061 .*\/etc\/passwd gives some of them to 'nobody'|\/etc\/subuid/,
  });
});

test('what was left is taken back with every id the caller has', () => {
  assert.equal(takeBackMaps(policy(nothing)), undefined);
  assert.equal(takeBackMaps(policy({ ...nothing, hostRoot: true })), undefined);
  assert.deepEqual(takeBackMaps(policy(subordinate))?.gids, {
    ranges: [
      { inside: 0, outside: 100, count: 1 },
      { inside: 1, outside: 300000, count: 65536 },
      { inside: 65537, outside: 500000, count: 65536 },
    ],
    program: '/usr/bin/newgidmap',
  });
});
