import { Readable } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { openStore } from '../../ts/open.js';

// node read-store-once.js ROOT SOURCE
// Opens a store as programs do, asks it everything, and tries to add SOURCE to it. Prints what came of that.
const [root, source] = process.argv.slice(2) as [string, string];
await using store = await openStore({
  store: root,
  env: { HOME: '/nonexistent', NIX_CONF_DIR: '/nonexistent' },
});
const { local } = store;
const paths = local.validPaths();
const sorted = local.topologicalSort(paths);
const conditions = await Promise.all(sorted.map((path) => local.verifyPath(path)));
const code = (error: { code: string }) => error.code;
console.log(
  JSON.stringify({
    readOnly: local.readOnly,
    dump: await text(Readable.from(local.dumpDatabase())),
    exported: (await buffer(Readable.from(local.exportPaths(sorted)))).toString('base64'),
    deadLocks: (await local.listPaths('dead')).flatMap(({ path }) => (path.endsWith('.lock') ? [path] : [])),
    conditions: conditions.map(({ kind }) => kind),
    names: (await local.openNar(sorted.at(-1)!)).listing.root.type,
    added: await local.addPath({ name: 'added', source }).catch(code),
    imported: await local.importPaths(Readable.from([])).catch(code),
  }),
);
