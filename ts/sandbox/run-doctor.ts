import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AirplantError, isAirplantError } from '../base/errors.js';
import type { Check } from '../doctor/check.js';
import { explain } from '../doctor/explain.js';
import { kvmCheck } from '../doctor/facts.js';
import { fileSystemCheck } from '../doctor/file-system.js';
import type { Host } from '../doctor/host.js';
import { groupsCheck, rangeCheck } from '../doctor/ids.js';
import { landlockCheck, tunCheck, withoutPrivateNetwork } from '../doctor/network.js';
import { probeHost } from '../doctor/probe.js';
import { type DefaultShell, findDefaultShell } from './default-shell.js';
import { identityTrials, usualIdentity } from './identity-trials.js';
import { launchSandbox } from './launch.js';
import { limitsCheck } from './limits-check.js';
import { findHelper } from './network.js';
import type { SandboxExit } from './spec.js';
import { darwinTrials, linuxTrials, networkTrial, type Trial, type Trials } from './trials.js';

/**
 * Does every step of setting up a sandbox for real: first what all rests on, then each part by itself, then a whole
 * build. A check that fails names the step, its cause on this host, and the cure. Where the first fails the others
 * cannot be tried.
 *
 * `directory`: where the trials take place, best on the file system of the store; otherwise the temporary directory.
 * Nothing stays behind. Throws ERR_FILE if nothing can be made there.
 */
export async function runDoctor(options: { directory?: string } = {}): Promise<Check[]> {
  const host = await probeHost();
  const shell = findDefaultShell();
  const directory = options.directory ?? tmpdir();
  const facts = [
    shellCheck(shell),
    fileSystemCheck(directory),
    kvmCheck(host),
    groupsCheck(host),
    rangeCheck(host),
  ];
  if (shell === undefined) return facts;
  if (host.platform !== 'linux') return [...(await runTrials(darwinTrials(host), host, directory)), ...facts];
  const checks = await runTrials(linuxTrials(shell, usualIdentity(host)), host, directory);
  const sealed = checks.every(({ ok }) => ok);
  const network = await networkChecks(shell, host, { directory, sealed });
  const identities = sealed ? identityTrials(shell, host) : [];
  for (const trial of identities) checks.push(await tryOut(trial, host, directory));
  return [...checks, ...network, limitsCheck(host), ...facts];
}

/** What fixed-output builds need of the network; tried with a helper where there is one, and sandboxes work at all. */
async function networkChecks(
  shell: DefaultShell,
  host: Host,
  { directory, sealed }: { readonly directory: string; readonly sealed: boolean },
): Promise<Check[]> {
  const searchPath = process.env['PATH'] ?? '';
  const options = { pasta: 'pasta', slirp4netns: 'slirp4netns', timeoutSeconds: 5, searchPath };
  const found = findHelper(options, { tun: true });
  const helper: Check = {
    name: 'pasta or slirp4netns',
    ok: 'helper' in found,
    required: false,
    ...('helper' in found ? {} : { ...found, cost: withoutPrivateNetwork }),
  };
  const trial =
    'helper' in found && host.tun && sealed
      ? networkTrial(shell, usualIdentity(host), found.helper)
      : undefined;
  return [
    helper,
    tunCheck(host),
    ...(trial ? [await tryOut(trial, host, directory)] : []),
    landlockCheck(host),
  ];
}

async function runTrials(trials: Trials, host: Host, directory: string): Promise<Check[]> {
  const checks = [await tryOut(trials.first, host, directory)];
  if (!checks[0]!.ok) return checks;
  for (const part of trials.parts) checks.push(await tryOut(part, host, directory));
  // With a part missing, the whole would only say so once more.
  if (trials.whole && checks.every(({ ok }) => ok)) checks.push(await tryOut(trials.whole, host, directory));
  return checks;
}

async function tryOut(trial: Trial, host: Host, directory: string): Promise<Check> {
  const failed: Check = { name: trial.name, ok: false, required: !trial.optional, cost: trial.cost };
  const root = await makeDirectory(directory);
  try {
    const sandbox = await launchSandbox(trial.spec(root), { signal: AbortSignal.timeout(trialMilliseconds) });
    const exit = await sandbox.exit;
    if (exit.kind === 'exited' && exit.status === 0)
      return { name: trial.name, ok: true, required: !trial.optional };
    return { ...failed, cause: `Everything was set up, but the shell in the sandbox ${describe(exit)}.` };
  } catch (error) {
    if (!isAirplantError(error)) throw error;
    const { step, errno, path } = error.details;
    if (typeof step !== 'string' || typeof errno !== 'string') throw error;
    const explanation = explain({ step, errno, path: typeof path === 'string' ? path : '' }, host);
    return { ...failed, step, errno, ...(explanation ?? { cause: error.message }) };
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

function describe(exit: SandboxExit): string {
  switch (exit.kind) {
    case 'exited':
      return `ended with status ${exit.status}`;
    case 'signalled':
      return `was killed by signal ${exit.signal}`;
    case 'killed':
      return `did not end within ${trialMilliseconds / 1000} seconds`;
    case 'network-lost':
      return 'lost its network';
  }
}

/** Long for what takes a few milliseconds, short for somebody who waits. */
const trialMilliseconds = 10_000;

async function makeDirectory(parent: string): Promise<string> {
  try {
    return await mkdtemp(join(parent, 'airplant-doctor-'));
  } catch (cause) {
    throw new AirplantError('ERR_FILE', `no directory can be made in ${parent} to try sandboxes in`, {
      cause,
    });
  }
}

function shellCheck(shell: DefaultShell | undefined): Check {
  const name = 'a static shell for /bin/sh';
  if (shell?.kind === 'busybox') return { name, ok: true, required: false };
  const cure =
    'Install a static busybox: `apt install busybox-static`, `dnf install busybox`, `apk add busybox-static`.';
  if (shell === undefined) {
    return {
      name,
      ok: false,
      required: true,
      cause: 'There is no static busybox, and no /bin/sh whose libraries can all be found.',
      cure,
      cost: 'Derivations that use /bin/sh cannot be built, and sandboxes cannot be tried here.',
    };
  }
  return {
    name,
    ok: false,
    required: false,
    cause: `No static busybox was found, so /bin/sh is ${shell.source} of this host with its libraries.`,
    cure,
    cost: 'What builders do in /bin/sh may come out differently on another machine.',
  };
}
