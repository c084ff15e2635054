import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { probeHost } from '../../ts/doctor/probe.js';
import { landlockWithScopes } from '../../ts/sandbox/network.js';
import type { SandboxSpec } from '../../ts/sandbox/spec.js';
import { type Duel, interleave } from '../harness/interleave.js';
import { type Bench, type Comparison, compare, type Row } from '../harness/row.js';
import { startWorker } from '../harness/worker.js';
import { workerCommand } from '../workers/command.js';
import { prepareScene, sceneSpec } from './launch-scene.js';

/** The same sandbox with everything that hardens it, and without: what that costs, in milliseconds. */
export const launchHardening: Row = { name: 'launch-hardening', measure };

const blocks = 4;

async function measure(bench: Bench): Promise<readonly Comparison[]> {
  const scene = prepareScene(bench.workspace);
  const spec = sceneSpec(scene);
  const scoped = (await probeHost()).landlock >= landlockWithScopes;
  const worker = (name: string, of: SandboxSpec) => {
    const specFile = join(scene.directory, `${name}.json`);
    writeFileSync(specFile, JSON.stringify(of));
    return startWorker(workerCommand('launch', specFile, '0'));
  };
  await using ours = await worker('hard', harden(spec, scoped));
  await using soft = await worker('soft', soften(spec));

  const duels: Duel[] = [];
  for (let block = 0; block < blocks; block++) {
    const series = { runs: bench.runs(60), warmUps: block === 0 ? 5 : 0, pauseMilliseconds: 10 };
    duels.push(await interleave(ours.sample, soft.sample, series));
  }
  const duel = quietest(duels);
  const cost = duel.ours.median - duel.yardstick.median;
  const best = fewest(duels, 'ours') - fewest(duels, 'yardstick');
  return [
    compare(duel, {
      name: 'launch-hardening',
      unit: 'ms',
      ours: 'launchSandbox, everything on',
      yardstick: 'launchSandbox, namespaces alone',
      target: { bound: 'at most', difference: 0.5 },
      notes: [
        `it costs ${cost.toFixed(2)} ms, and ${best.toFixed(2)} ms by the best run of each`,
        `of ${blocks} blocks, the one with the lowest median on each side: what is looked for is a difference of tenths`,
        `only on the left: the second user and mount namespace, dropped capabilities and groups, keyring, namespace limits, system call filter, read-only root${scoped ? ', Landlock scope' : ''}`,
      ],
      facts: { blocks: duels },
    }),
  ];
}

/** What a build on the host's network asks for, and then some: every protection there is, at once. */
function harden(spec: SandboxSpec, scoped: boolean): SandboxSpec {
  return {
    ...spec,
    namespaces: { ...spec.namespaces, nested: false },
    ...(scoped && { scopeAbstractSockets: true }),
  };
}

/** As `airplant run` enters a store: the namespaces and mounts are the same, and nothing is taken from the command. */
function soften(spec: SandboxSpec): SandboxSpec {
  return { ...spec, root: { kind: 'tmpfs' }, filter: 'none', session: 'interactive', personality: 0 };
}

function quietest(duels: readonly Duel[]): Duel {
  const least = (side: keyof Duel) =>
    duels.map((duel) => duel[side]).reduce((best, one) => (one.median < best.median ? one : best));
  return { ours: least('ours'), yardstick: least('yardstick') };
}

function fewest(duels: readonly Duel[], side: keyof Duel): number {
  return Math.min(...duels.map((duel) => duel[side].min));
}
