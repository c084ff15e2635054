import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { CrashCampaign, type CrashPoint } from '../support/crash/crash-points.js';
import { careless, crashOperations } from '../support/crash/operations.js';
import { longForm, requires } from '../support/requires.js';
import { temporaryDirectory } from '../support/temporary.js';

// Whatever changes a store is killed at every system call by which it changes the disk, and has each of them fail for
// want of space, of descriptors or of a working disk. A real Nix, and the sqlite3 program, find the store sound.
const needs = requires('linux', 'program:nix-store', 'program:sqlite3', 'program:cc');
const directory = temporaryDirectory('crash-consistency');
/** Points of one operation in the short form. */
const few = Math.ceil(105 / Object.keys(crashOperations).length);

const only = process.env['AIRPLANT_TEST_OPERATION'];
const tally = { points: 0, losses: 0 };

for (const [name, operation] of Object.entries(crashOperations)) {
  if (only !== undefined && only !== name) continue;
  test(`interrupted anywhere, nothing is lost: ${name}`, needs, async (t) => {
    const place = join(directory, name.replaceAll(' ', '-'));
    mkdirSync(place);
    const campaign = new CrashCampaign(name, operation, place);
    const all = await campaign.points();
    const chosen = longForm ? all : spread(all);
    const losses: string[] = [];
    const pending = [...chosen];
    const worker = async () => {
      for (let point = pending.shift(); point; point = pending.shift()) {
        const { effect, number, call } = point;
        for (const loss of await campaign.lossesAt(point))
          losses.push(`${effect} at ${number}, ${call}: ${loss}`);
      }
    };
    await Promise.all([worker(), worker()]);
    tally.points += chosen.length;
    tally.losses += losses.length;
    t.diagnostic(`${chosen.length} of ${all.length} points, ${losses.length} losses`);
    assert.deepEqual(losses, []);
  });
}

test('a store that calls a path valid before it is there is caught', needs, async () => {
  const place = join(directory, 'careless');
  mkdirSync(place);
  const campaign = new CrashCampaign('careless', careless, place);
  const points = await campaign.points();
  const isMove = ({ effect, call }: CrashPoint) => effect === 'kill' && /^rename\S* .*-doc$/.test(call);
  const move = points.find(isMove)!;
  // Runs differ by a few calls, so the one before the move has not always this number.
  const near = points.filter(
    ({ effect, number }) => effect === 'kill' && Math.abs(number - move.number) <= 4,
  );
  const losses: string[] = [];
  for (const point of near) losses.push(...(await campaign.lossesAt(point)));
  assert.match(losses.join('\n'), /bbb-doc' disappeared/);
});

test('that was enough of them', needs, (t) => {
  t.diagnostic(`crash points tried: ${tally.points}, losses: ${tally.losses}`);
  assert.ok(only !== undefined || tally.points >= (longForm ? 1000 : 100), `${tally.points}`);
});

/** Some of them, at even distances: kills and failures, early and late. */
function spread(points: readonly CrashPoint[]): CrashPoint[] {
  return Array.from(
    { length: few },
    (_, index) => points[Math.floor(((index + 0.5) * points.length) / few)]!,
  );
}
