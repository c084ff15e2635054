import { createReadStream } from 'node:fs';
import { isAirplantError } from '../../ts/base/errors.js';
import { openTestStore } from './stores.js';

// node import-once.js ROOT STREAM
// Imports an export stream into a store; prints the code of the failure, if there is one.
const [root, stream] = process.argv.slice(2) as [string, string];
try {
  await using store = await openTestStore(root);
  await store.importPaths(createReadStream(stream));
} catch (error) {
  if (!isAirplantError(error)) throw error;
  console.log(error.code);
  process.exitCode = 1;
}
