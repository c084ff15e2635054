import { isAirplantError } from '../../../ts/base/errors.js';
import { openTestStore } from '../stores.js';
import { careless, crashOperations } from './operations.js';

// Does one operation on the store ROOT, once: `run-operation NAME ROOT SCRATCH`. Says the code of the error if there is
// one.
const [name, root, scratch] = process.argv.slice(2) as [string, string, string];
try {
  await using store = await openTestStore(root);
  const operation = name === 'careless' ? careless : crashOperations[name]!;
  await operation.run(store, scratch);
} catch (error) {
  process.stdout.write(isAirplantError(error) ? error.code : String((error as Error).stack));
  process.exitCode = 1;
}
