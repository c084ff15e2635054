import { readFileSync } from 'node:fs';
import { launchSandbox } from '../../ts/sandbox/launch.js';
import type { SandboxSpec } from '../../ts/sandbox/spec.js';
import { serveSamples } from './serve.js';

// node launch.js SPEC.json MEGABYTES
// Launches the sandbox of the spec, for each line read, out of a process that holds so many megabytes besides its
// own. Greets with its resident bytes.
const [specFile, megabytes] = process.argv.slice(2) as [string, string];
const spec = JSON.parse(readFileSync(specFile, 'utf8')) as SandboxSpec;
// Filled, so that every page is really there.
const ballast = Array.from({ length: Number(megabytes) }, () => Buffer.alloc(1 << 20, 1));

await serveSamples(`${process.memoryUsage.rss()}`, async () => {
  const sandbox = await launchSandbox(spec, { onLog: () => {} });
  const exit = await sandbox.exit;
  if (exit.kind !== 'exited' || exit.status !== 0) throw new Error(JSON.stringify(exit));
  // Also keeps the ballast from being collected.
  if (ballast.length !== Number(megabytes)) throw new Error('the ballast is gone');
});
