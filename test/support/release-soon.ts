import { rmdirSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

// node release-soon.js DB.lock
// Takes away a lock of SQLite's unix-dotfile after a while, when it has noted that in DB.released.
const lock = process.argv[2]!;
console.log('waiting');
await sleep(500);
writeFileSync(lock.replace(/\.lock$/, '.released'), '');
rmdirSync(lock);
