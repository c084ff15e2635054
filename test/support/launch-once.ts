import { isAirplantError } from '../../ts/base/errors.js';
import { launchSandbox } from '../../ts/sandbox/launch.js';
import { sandboxSpec } from './sandbox.js';

// Starts a sandbox whose root is the directory given, and prints how it was refused as JSON: for tests that need the
// launcher in a namespace of their own.
const [path] = process.argv.slice(2);
try {
  const sandbox = await launchSandbox(sandboxSpec(['true'], { root: { kind: 'directory', path: path! } }));
  console.log(JSON.stringify(await sandbox.exit));
} catch (error) {
  if (!isAirplantError(error)) throw error;
  const { code, hint, details } = error;
  console.log(JSON.stringify({ code, hint, details }));
}
process.exit(0);
