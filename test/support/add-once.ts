import { openTestStore } from './stores.js';

// node add-once.js ROOT SOURCE NAME END
// Adds a tree to a store and closes it; or, if END is `killed`, is killed, and the transaction stays in the log of the
// database.
const [root, source, name, end] = process.argv.slice(2) as [string, string, string, string];
const store = await openTestStore(root);
await store.addPath({ name, source });
if (end === 'killed') process.kill(process.pid, 'SIGKILL');
await store.close();
