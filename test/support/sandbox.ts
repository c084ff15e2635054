import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type LaunchOptions, launchSandbox } from '../../ts/sandbox/launch.js';
import type { SandboxEntry, SandboxExit, SandboxSpec } from '../../ts/sandbox/spec.js';
import { usualIdentity } from './identities.js';
import { findProgram } from './requires.js';
import { temporaryBase } from './temporary-base.js';

/** A static busybox, the only program inside these sandboxes. */
export const busybox: string = findProgram('busybox') ?? '/bin/busybox';

/** A directory for one test file, removed when the process exits; those of processes it starts lie inside. */
export const scratch: string = mkdtempSync(
  join(process.env['AIRPLANT_TEST_SCRATCH'] ?? temporaryBase(), 'airplant-test-'),
);
process.env['AIRPLANT_TEST_SCRATCH'] = scratch;
process.on('exit', () => {
  // Sandboxes leave directories of any mode.
  spawnSync('chmod', ['-R', 'u+rwx', scratch]);
  rmSync(scratch, { recursive: true, force: true });
});

let directories = 0;

/** A new empty directory below `scratch`. */
export function freshDirectory(name = 'directory'): string {
  const directory = join(scratch, `${name}-${++directories}`);
  mkdirSync(directory);
  return directory;
}

export function bind(source: string, target: string, more: Partial<SandboxEntry> = {}): SandboxEntry {
  return {
    kind: 'bind',
    source,
    target,
    readOnly: true,
    optional: false,
    follow: true,
    why: 'test',
    ...more,
  } as SandboxEntry;
}

export function directory(target: string, mode = 0o755): SandboxEntry {
  return { kind: 'directory', target, mode, why: 'test' };
}

export function device(name: string, major: number, minor: number): SandboxEntry {
  return bind(`/dev/${name}`, `/dev/${name}`, { readOnly: false, device: { major, minor } } as never);
}

export const devices: readonly SandboxEntry[] = [
  device('null', 1, 3),
  device('zero', 1, 5),
  device('full', 1, 7),
  device('random', 1, 8),
  device('urandom', 1, 9),
  device('tty', 5, 0),
];

/** What a builder usually sees, written by hand: /bin/sh (busybox), /dev, /proc, /build, /tmp. */
export function usualEntries(): SandboxEntry[] {
  return [
    bind(busybox, '/bin/busybox'),
    bind(busybox, '/bin/sh'),
    directory('/build', 0o700),
    directory('/tmp', 0o1777),
    ...devices,
    { kind: 'tmpfs', target: '/dev/shm', mode: 0o1777, size: '50%', why: 'test' },
    { kind: 'devpts', target: '/dev/pts', why: 'test' },
    { kind: 'symlink', target: '/dev/ptmx', to: 'pts/ptmx', why: 'test' },
    { kind: 'symlink', target: '/dev/fd', to: '/proc/self/fd', why: 'test' },
    { kind: 'proc', target: '/proc', why: 'test' },
  ];
}

/** A sealed sandbox around `argv`, whose program is looked up in /bin. */
export function sandboxSpec(argv: readonly string[], more: Partial<SandboxSpec> = {}): SandboxSpec {
  return {
    version: 1,
    root: { kind: 'directory', path: freshDirectory('root') },
    namespaces: { pid: true, ipc: true, uts: true, network: 'private', cgroup: true },
    ...usualIdentity,
    hostname: 'localhost',
    domainname: '(none)',
    entries: usualEntries(),
    command: { path: `/bin/${argv[0]}`, argv, env: [['PATH', '/bin']], cwd: '/build', umask: 0o022 },
    limits: { rlimits: [] },
    personality: 0,
    filter: 'sealed',
    session: 'sealed',
    ...more,
  };
}

/** The spec that runs a script in busybox's shell, all applets at hand. */
export function scriptSpec(script: string, more: Partial<SandboxSpec> = {}): SandboxSpec {
  return sandboxSpec(['sh', '-c', `busybox --install -s /bin 2>/dev/null; ${script}`], more);
}

/** The spec that runs a script in the host's shell, as a build without a sandbox. */
export function unsealedSpec(script: string, more: Partial<SandboxSpec> = {}): SandboxSpec {
  const command = { path: '/bin/sh', argv: ['sh', '-c', script], env: [], cwd: '/', umask: 0o022 };
  return sandboxSpec(['sh'], { backend: { kind: 'none' }, entries: [], filter: 'none', command, ...more });
}

/** Runs a spec to its end and gives the whole log as text. */
export async function runSpec(
  spec: SandboxSpec,
  options: LaunchOptions = {},
): Promise<{ log: string; exit: SandboxExit }> {
  const chunks: Uint8Array[] = [];
  const sandbox = await launchSandbox(spec, { ...options, onLog: (chunk) => chunks.push(chunk) });
  const exit = await sandbox.exit;
  return { log: Buffer.concat(chunks).toString('utf8'), exit };
}

/** The log of a script that must succeed, without the last newline. */
export async function outputOf(script: string, more: Partial<SandboxSpec> = {}): Promise<string> {
  const { log, exit } = await runSpec(scriptSpec(script, more));
  if (exit.kind !== 'exited' || exit.status !== 0)
    throw new Error(`the script ended with ${JSON.stringify(exit)}:\n${log}`);
  return log.replace(/\n$/, '');
}
