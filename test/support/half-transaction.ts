import { pathToFileURL } from 'node:url';
import { DatabaseSync } from '@photostructure/sqlite';

// node half-transaction.js FILE
// Is in the middle of a large transaction of the database, in which pages have been written, until it is killed.
const database = new DatabaseSync(`${pathToFileURL(process.argv[2]!).href}?vfs=unix-dotfile`);
database.exec(`pragma journal_mode = truncate; pragma cache_size = 10; begin immediate;
  with recursive n(i) as (select 1 union all select i + 1 from n where i < 20000)
  insert into ValidPaths (path, hash, registrationTime) select '/nix/store/half-' || i, 'sha256:', 1 from n;
  update ValidPaths set hash = 'none'`);
console.log('written');
setInterval(() => {}, 1000);
