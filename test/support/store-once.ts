import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { native } from '../../ts/native.js';
import { openTestStore, somePath } from './stores.js';

// Opens the store ROOT, made if need be, and adds a text, the tree SOURCE that refers to it, and an output that refers to
// both and moves into place. Prints the code of the error if there is one.
const [root, source] = process.argv.slice(2) as [string, string];
try {
  await using store = await openTestStore(root);
  const text = await store.addText({ name: 'text', contents: 'text', references: [] });
  const { path: tree } = await store.addPath({ name: 'tree', source, references: [text] });
  const made = join(store.directories.realStoreDir, 'made.drv.chroot');
  await native.removeTree(made);
  mkdirSync(made);
  writeFileSync(join(made, 'file'), `${text} ${tree}`);
  await native.canonicaliseTree(made);
  const { hash: hex, narSize } = await native.hashTree(made, []);
  await store.registerOutputs([
    {
      path: somePath('a'),
      source: made,
      narHash: { algorithm: 'sha256', hex },
      narSize,
      references: [text, tree],
    },
  ]);
} catch (error) {
  process.stdout.write(String((error as { code?: unknown }).code));
  process.exitCode = 1;
}
