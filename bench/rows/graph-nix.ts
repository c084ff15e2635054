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
  const nix = needProgram('nix');
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
  const nixSettings = await effectiveSettings(
    [nix, '--extra-experimental-features', 'nix-command', 'show-config', '--json'],
    store,
  );
  const ourSettings = await effectiveSettings(airplantCommand('config', '--json'), store);
  return [
    compare(duel, {
      name: 'graph-nix',
      unit: 'ms',
      ours: 'airplant build',
      yardstick: 'nix-store -r',
      target: { bound: 'at most', ratio: 0.5 },
      notes: [
        `${leaves} derivations and one that needs them all, ${jobs} jobs; ${await programVersion(nix)}`,
        renderSettings(nixSettings, ourSettings),
      ],
      facts: { settings: { ours: ourSettings, yardstick: nixSettings } },
    }),
  ];
}

/** The settings that decide how much is to be done; the JSON report has all of them. */
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
  'auto-optimise-store',
  'keep-build-log',
  'compress-build-log',
];

type Settings = Readonly<Record<string, unknown>>;

/** Both sides' effective settings; a dash where one does not have such a setting. */
function renderSettings(nix: Settings, ours: Settings): string {
  const rows = telling.map((name) => [name, renderValue(nix[name]), renderValue(ours[name])] as const);
  return [
    'effective settings, from one nix.conf: nix-store, airplant',
    ...rows.map(([name, left, right]) => `  ${name.padEnd(20)} ${left.padEnd(26)} ${right}`.trimEnd()),
  ].join('\n');
}

function renderValue(value: unknown): string {
  if (value === undefined) return '-';
  if (Array.isArray(value)) return value.map(renderValue).join(' ');
  return typeof value === 'string' ? value || '(empty)' : JSON.stringify(value);
}
