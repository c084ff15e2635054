import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { RealNix } from '../support/nix.js';
import { airplantRacer, race, type StartRacer } from '../support/race.js';
import { longForm, requires } from '../support/requires.js';
import { temporaryDirectory } from '../support/temporary.js';

// airplant and a real Nix asked for the same at the same time share the work.
const needs = requires('user-namespaces', 'program:busybox', 'program:nix-store');
const directory = temporaryDirectory('peer-race');

for (let run = 0; run < (longForm ? 25 : 2); run++) {
  test(`racing with a real Nix, each derivation is built once, run ${run + 1}`, needs, async (t) => {
    const place = join(directory, `${run}`);
    mkdirSync(place);
    // It looks for a lock it waits for every five seconds, unless told otherwise.
    const args = ['--option', 'build-poll-interval', '1', '--realise'];
    const nix: StartRacer = (drvPath, store) =>
      new RealNix(place, store).start('nix-store', [...args, drvPath]);
    const ours = airplantRacer(place);
    const [first, second] = run % 2 === 0 ? ([ours, nix] as const) : ([nix, ours] as const);
    // Node takes a moment to start.
    const built = await race(place, [first, second], { headStart: run % 2 === 0 ? 250 : 0 });
    t.diagnostic(`built: ${built.join(' and ')}`);
  });
}
