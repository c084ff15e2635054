import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { airplantRacer, race } from '../support/race.js';
import { longForm, requires } from '../support/requires.js';
import { temporaryDirectory } from '../support/temporary.js';

// Two processes asked for the same at the same time share the work; test/peer has a real Nix as the other.
const needs = requires('user-namespaces', 'program:busybox');
const directory = temporaryDirectory('race');

for (let run = 0; run < (longForm ? 25 : 3); run++) {
  test(`two processes racing for one graph build each derivation once, run ${run + 1}`, needs, async (t) => {
    const place = join(directory, `${run}`);
    mkdirSync(place);
    const racer = airplantRacer(place);
    const built = await race(place, [racer, racer], { headStart: run * 20 });
    t.diagnostic(`built: ${built.join(' and ')}`);
  });
}
