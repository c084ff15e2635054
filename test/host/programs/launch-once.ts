// Runs the script given as first argument in a sandbox; the log goes to standard output, the end to standard error as JSON.
// Any second argument makes it print its own and the launcher's pid first; a third is the program of a network helper.
import { readdirSync, readFileSync } from 'node:fs';
import { launchSandbox } from '../../../ts/sandbox/launch.js';
import { scriptSpec } from '../../support/sandbox.js';

const program = process.argv[4];
const networkHelper = program && { program, argv: [program], timeoutMilliseconds: 20_000, unreachable: [] };
const spec = scriptSpec(process.argv[2]!, networkHelper ? { networkHelper } : {});
const sandbox = await launchSandbox(spec, {
  onLog: (chunk) => process.stdout.write(chunk),
});
if (process.argv[3]) process.stdout.write(`pids ${process.pid} ${launcherPid()} ${sandbox.pid}\n`);
process.stderr.write(`${JSON.stringify(await sandbox.exit)}\n`);

function launcherPid(): number {
  const children = readdirSync(`/proc/${process.pid}/task`).flatMap((task) =>
    readFileSync(`/proc/${process.pid}/task/${task}/children`, 'utf8').trim().split(' '),
  );
  return Number(children.filter(Boolean)[0]);
}
