import { join } from 'node:path';
import { interleave, type Sampler } from '../harness/interleave.js';
import { compileProgram, needProgram, programVersion } from '../harness/programs.js';
import { type Bench, type Comparison, compare, type Row } from '../harness/row.js';
import { startWorker } from '../harness/worker.js';
import { removeTree } from '../harness/workspace.js';
import { airplantCommand } from './airplant-program.js';
import {
  copyStore,
  effectiveSettings,
  type GraphStore,
  jobs,
  leaves,
  outputPath,
  prepareGraphStore,
  verifyBuilt,
} from './graph-store.js';

/** Many trivial sandboxed builds, command line against command line, from the same .drv files in fresh stores. */
export const graphNix: Row = { name: 'graph-nix', measure };

async function measure(bench: Bench): Promise<readonly Comparison[]> {
  const { workspace } = bench;
  const nixStore = needProgram('nix-store');
  const store = await prepareGraphStore(workspace);
  const spawn = await compileProgram('spawn', workspace);
  const outPath = await outputPath(store);
  const copies = workspace.directory('copies');

  const sampler = (command: (directory: string) => readonly string[]): Sampler => {
    return async () => {
      const directory = join(copies, 'store');
      await copyStore(store, directory);
      await using worker = await startWorker([spawn, ...command(directory)], {
        env: store.env,
        cwd: copies,
      });
      const milliseconds = await worker.sample();
      verifyBuilt(directory, outPath);
      removeTree(directory);
      return milliseconds;
    };
  };
  const duel = await interleave(
    sampler((directory) =>
      airplantCommand('build', '--store', directory, '-j', String(jobs), '--no-link', store.drvPath),
    ),
    sampler((directory) => [nixStore, '--store', directory, '-j', String(jobs), '-r', store.drvPath]),
    { runs: bench.runs(5), warmUps: 1, pauseMilliseconds: 200 },
  );
  const settings = await effectiveSettings(store);
  return [
    compare(duel, {
      name: 'graph-nix',
      unit: 'ms',
      ours: 'airplant build',
      yardstick: 'nix-store -r',
      target: { bound: 'at most', ratio: 0.5 },
      notes: [
        `${leaves} derivations and one that needs them all, ${jobs} jobs; ${await programVersion(nixStore)}`,
        renderSettings(settings, store),
      ],
      facts: { nixSettings: settings },
    }),
  ];
}

/** The settings that decide what Nix has to do; the JSON report has all of them. */
const telling = [
  'sandbox',
  'sandbox-fallback',
  'sandbox-paths',
  'substitute',
  'max-jobs',
  'cores',
  'build-users-group',
  'fsync-metadata',
  'use-sqlite-wal',
  'sync-before-registering',
  'auto-optimise-store',
  'keep-build-log',
  'compress-build-log',
];

function renderSettings(settings: Readonly<Record<string, unknown>>, store: GraphStore): string {
  const lines = telling.map((name) => `  ${name} = ${renderValue(settings[name])}`.trimEnd());
  return [
    `effective settings of Nix (both read ${store.env['NIX_CONF_DIR']}/nix.conf, now gone):`,
    ...lines,
  ].join('\n');
}

function renderValue(value: unknown): string {
  if (Array.isArray(value)) return value.join(' ');
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
