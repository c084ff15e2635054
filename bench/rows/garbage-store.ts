import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { hashBytes } from '../../ts/formats/hash-bytes.js';
import { Database } from '../../ts/store/database.js';
import { resolveStoreDirectories } from '../../ts/store/directories.js';
import { openLocalStore } from '../../ts/store/open-store.js';

const run = promisify(execFile);

/**
 * Fills a new chroot store below `root` with `count` paths, each a directory with two files and, but for the first, a
 * reference to an earlier one. Nothing is a root. Returns the paths.
 */
export async function makeGarbage(root: string, count: number, { files = true } = {}): Promise<string[]> {
  const directories = resolveStoreDirectories({ store: root, env: {} });
  await (await openLocalStore({ directories, env: {} })).close();
  const { realStoreDir, stateDir, storeDir } = directories;
  const paths = Array.from({ length: count }, (_, i) => {
    const digits = BigInt(`0x${hashBytes('sha256', `${i}`).hex.slice(0, 40)}`);
    const hash = Array.from({ length: 32 }, (_, k) => alphabet[Number((digits >> BigInt(5 * k)) & 31n)]).join(
      '',
    );
    return `${storeDir}/${hash}-garbage-${i}`;
  });
  if (files) for (const path of paths) makeTree(join(realStoreDir, path.slice(storeDir.length + 1)), path);
  const database = await Database.open({
    file: join(stateDir, 'db/db.sqlite'),
    readOnly: false,
    create: false,
    journal: 'wal',
    synchronous: 'off',
  });
  const narHash = { algorithm: 'sha256', hex: '00'.repeat(32) } as const;
  for (let from = 0; from < count; from += batch) {
    const some = paths.slice(from, from + batch).map((path, i) => ({
      info: {
        path,
        narHash,
        narSize: 600,
        references: from + i === 0 ? [] : [paths[Math.floor((from + i) / 2)]!],
        registrationTime: 1,
        ultimate: false,
        signatures: [],
      },
    }));
    await database.register(some);
  }
  database.close();
  await run('sync', ['--file-system', root]);
  return paths;
}

function makeTree(place: string, contents: string): void {
  mkdirSync(place);
  for (const name of ['one', 'two']) writeFileSync(join(place, name), contents);
}

const alphabet = '0123456789abcdfghijklmnpqrsvwxyz';
const batch = 5000;
