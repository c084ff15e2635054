import { createRequire } from 'node:module';
import { lookUps } from './look-ups.js';
import { serveSamples } from './serve.js';

// node bare-look-ups.js DATABASE
// The same paths by their ids: what one question costs SQLite and the way to it.
const [file] = process.argv.slice(2) as [string];
const { DatabaseSync } = createRequire(import.meta.url)('@photostructure/sqlite');
const database = new DatabaseSync(file, { readOnly: true, returnArrays: true });
const statement = database.prepare('select path from ValidPaths where id = ?');
const count = database.prepare('select count(*) from ValidPaths').get()[0] as number;
const step = Math.floor(count / lookUps);

await serveSamples('', async () => {
  for (let index = 0; index < lookUps; index++) statement.get(1 + index * step);
});
