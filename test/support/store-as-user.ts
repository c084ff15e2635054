import { createInterface } from 'node:readline';
import '@photostructure/sqlite';
import '../../ts/store/add-text.js';
import type { OpenStoreOptions } from '../../ts/store/open-store.js';
import { openTestStore } from './stores.js';

// node store-as-user.js ROOT OPTIONS [UID]
// Opens the store with OPTIONS (JSON), as the user UID, and does what the lines of its input say, one answer each:
//   add NAME    adds a text of this name and prints its path
//   list        prints all valid paths as JSON
//   close       closes the store, and prints `closed`; the next line opens it again
//   die         is killed
const [root, options, uid] = process.argv.slice(2) as [string, string, string?];
if (uid !== undefined) {
  // What is loaded later may be in a directory of the caller's own.
  process.setgroups?.([]);
  process.setgid?.(Number(uid));
  process.setuid?.(Number(uid));
}

const open = () => openTestStore(root, JSON.parse(options) as Omit<OpenStoreOptions, 'directories'>);
let store: Awaited<ReturnType<typeof open>> | undefined;
console.log('ready');
for await (const line of createInterface(process.stdin)) {
  const [verb, name = ''] = line.split(' ');
  if (verb === 'die') process.kill(process.pid, 'SIGKILL');
  if (verb === 'close') await store?.close();
  if (verb === 'close') store = undefined;
  else store ??= await open();
  if (verb === 'close') console.log('closed');
  if (verb === 'add') console.log(await store!.addText({ name, contents: name, references: [] }));
  if (verb === 'list') console.log(JSON.stringify(store!.validPaths().sort()));
}
