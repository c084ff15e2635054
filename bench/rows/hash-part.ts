import { createRequire } from 'node:module';
import { join } from 'node:path';
import { resolveStoreDirectories } from '../../ts/store/directories.js';
import { openLocalStore } from '../../ts/store/open-store.js';
import { interleave } from '../harness/interleave.js';
import { type Bench, type Comparison, compare, type Row } from '../harness/row.js';
import { startWorker } from '../harness/worker.js';
import { workerCommand } from '../workers/command.js';
import { lookUps } from '../workers/look-ups.js';

/** Finding a path by its hash part in a very large store, as a binary cache does for every request. */
export const hashPart: Row = { name: 'hash-part', measure };

const paths = 1_000_000;

async function measure(bench: Bench): Promise<readonly Comparison[]> {
  const root = bench.workspace.directory('million');
  const file = await fillDatabase(root);
  await using ours = await startWorker(workerCommand('hash-part', root));
  await using theirs = await startWorker(workerCommand('bare-look-ups', file));
  const series = { runs: bench.runs(20), warmUps: 2, pauseMilliseconds: 0 };
  return [
    compare(await interleave(ours.sample, theirs.sample, series), {
      name: 'hash-part',
      unit: 'ms',
      ours: 'LocalStore.pathFromHashPart',
      yardstick: 'SQLite, by id',
      target: { bound: 'at most', median: lookUps * 0.02 },
      notes: [
        `${lookUps} look-ups a sample, all over a database of ${ours.greeting} paths: 20 ms are 20 µs each`,
      ],
    }),
  ];
}

/** Rows without files: only the database is asked. */
async function fillDatabase(root: string): Promise<string> {
  const directories = resolveStoreDirectories({ store: root, env: {} });
  await (await openLocalStore({ directories, env: {} })).close();
  const file = join(directories.stateDir, 'db/db.sqlite');
  const { DatabaseSync } = createRequire(import.meta.url)('@photostructure/sqlite');
  const database = new DatabaseSync(file);
  database.exec(`with recursive n(i) as (select 1 union all select i + 1 from n where i < ${paths})
    insert into ValidPaths (path, hash, registrationTime, narSize)
    select '/nix/store/' || replace(lower(hex(randomblob(16))), 'e', 'z') || '-package-' || i || '-1.2.3',
      'sha256:' || lower(hex(zeroblob(32))), 1, 1000 from n`);
  database.close();
  return file;
}
