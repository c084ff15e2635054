import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { Database } from '../../ts/store/database.js';

// A process that works on a database FILE beside others, for the tests of its locks and of its log.
//   write FILE SEED COUNT   registers COUNT paths, one after the other, and ends
//   greedy FILE             writes transaction after transaction with no pause, as no store does, until stdin ends
//   read FILE               reads without a moment in which nothing of it is reading, until stdin ends
//   stay FILE               says `reading` and goes on with one transaction until stdin ends
const [verb, file, seed, count] = process.argv.slice(2) as [string, string, string?, string?];
const { DatabaseSync } = await import('@photostructure/sqlite');
let told = false;
createInterface({ input: process.stdin }).on('close', () => (told = true));

if (verb === 'write') {
  const database = await Database.open({
    file,
    readOnly: false,
    create: false,
    journal: 'wal',
    synchronous: 'off',
  });
  for (let n = 0; n < Number(count); n++) {
    const path = `/nix/store/${String(n).padStart(32, '0')}-${seed}`;
    const narHash = { algorithm: 'sha256', hex: 'ab'.repeat(32) } as const;
    const rest = { narSize: 112, references: [], registrationTime: 1, ultimate: false, signatures: [] };
    await database.register([{ info: { path, narHash, ...rest } }]);
  }
  database.close();
} else if (verb === 'greedy') {
  const database = new DatabaseSync(file, { timeout: 10_000 });
  const statement = database.prepare(
    'update ValidPaths set registrationTime = registrationTime + 1 where id < 40',
  );
  process.stdout.write('writing\n');
  while (!told) {
    for (let n = 0; n < 50; n++) {
      database.exec('begin immediate');
      for (let times = 0; times < 50; times++) statement.run();
      database.exec('commit');
    }
    await new Promise<void>((resolve) => void setImmediate(resolve));
  }
  database.close();
} else {
  const readers = [new DatabaseSync(file, { readOnly: true }), new DatabaseSync(file, { readOnly: true })];
  const begin = (reader: (typeof readers)[number]) => {
    reader.exec('begin');
    reader.prepare('select 1 from ValidPaths limit 1').get();
  };
  for (const reader of readers) begin(reader);
  process.stdout.write('reading\n');
  while (!told) {
    for (const reader of readers) {
      await sleep(2);
      if (verb === 'stay') continue;
      reader.exec('commit');
      begin(reader);
    }
  }
  for (const reader of readers) reader.close();
}
process.exit();
