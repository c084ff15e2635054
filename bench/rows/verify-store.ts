import { interleave } from '../harness/interleave.js';
import { compileProgram, needProgram, programVersion } from '../harness/programs.js';
import { type Bench, type Comparison, compare, type Row } from '../harness/row.js';
import { startWorker } from '../harness/worker.js';
import { removeTree } from '../harness/workspace.js';
import { airplantCommand } from './airplant-program.js';
import { makeContentStore } from './content-store.js';

/** Reading all of a store and comparing it with what is registered, command line against command line. */
export const verifyStore: Row = { name: 'verify-store', measure };

const contents = { paths: 300, filesPerPath: 60, largeFiles: 4 };

async function measure(bench: Bench): Promise<readonly Comparison[]> {
  const { workspace } = bench;
  const nixStore = needProgram('nix-store');
  const store = await makeContentStore(workspace, contents);
  try {
    const spawn = await compileProgram('spawn', workspace);
    const env = plainEnvironment(store, workspace.directory('home'));
    const flags = ['--store', store, '--check-contents'];
    const ourCommand = airplantCommand('verify', ...flags, '--progress', 'quiet');
    await using ours = await startWorker([spawn, ...ourCommand], { env });
    await using theirs = await startWorker([spawn, nixStore, '--verify', ...flags], { env });
    const series = { runs: bench.runs(7), warmUps: 1, pauseMilliseconds: 50 };
    return [
      compare(await interleave(ours.sample, theirs.sample, series), {
        name: 'verify-store',
        unit: 'ms',
        ours: 'airplant verify',
        yardstick: 'nix-store --verify',
        target: { bound: 'at most', ratio: 1 / 1.8 },
        notes: [
          `both with --check-contents, of ${contents.paths} paths of ${contents.filesPerPath} files of up to 64 KiB and ${contents.largeFiles} files of 64 MiB, caches warm; ${await programVersion(needProgram('nix'))}, which uses one processor`,
        ],
      }),
    ];
  } finally {
    removeTree(store);
  }
}

/** For both programs: nothing of the machine's configuration. */
export function plainEnvironment(store: string, home: string): NodeJS.ProcessEnv {
  return {
    PATH: process.env['PATH'] ?? '',
    HOME: home,
    NIX_CONF_DIR: store,
    NIX_CONFIG: 'substitute = false\nbuild-users-group =',
  };
}
