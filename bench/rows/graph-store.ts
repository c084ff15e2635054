import { execFile } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { needProgram } from '../harness/programs.js';
import type { Workspace } from '../harness/workspace.js';

const run = promisify(execFile);

/** A chroot store that holds the .drv files of the graph, and nothing built; contestants build in copies of it. */
export interface GraphStore {
  readonly directory: string;
  /** Logical path of the derivation that needs all others. */
  readonly drvPath: string;
  /** The whole environment of the contestants: both read the same nix.conf, and nobody's own settings. */
  readonly env: Readonly<Record<string, string>>;
}

/** How many trivial derivations the last one needs. */
export const leaves = 200;

export const jobs = 2;

/** Has the real Nix write the graph, so that both build exactly the same files. */
export async function prepareGraphStore(workspace: Workspace): Promise<GraphStore> {
  const settings = workspace.directory('settings');
  writeFileSync(join(settings, 'nix.conf'), configuration(needProgram('busybox')));
  writeFileSync(join(settings, 'graph.nix'), expression);
  const env = {
    PATH: process.env['PATH'] ?? '',
    HOME: workspace.directory('home'),
    NIX_CONF_DIR: settings,
  };
  const directory = join(workspace.directory('store'), 'graph');
  const { stdout } = await run(
    needProgram('nix-instantiate'),
    ['--store', directory, join(settings, 'graph.nix')],
    { env, cwd: settings },
  );
  return { directory, drvPath: stdout.trim(), env };
}

/** Copies the store and flushes the copy to disk, so that nobody pays for that while being timed. */
export async function copyStore(store: GraphStore, to: string): Promise<void> {
  await run('cp', ['-a', store.directory, to]);
  await run('sync', ['--file-system', to]);
}

/** Throws unless the graph has really been built in this store. */
export function verifyBuilt(directory: string, outPath: string): void {
  const file = join(directory, outPath);
  if (!existsSync(file)) throw new Error(`${file} was not built`);
  const lines = readFileSync(file, 'utf8').trim().split('\n');
  if (lines.length !== leaves || lines.at(-1) !== String(leaves - 1)) {
    throw new Error(`${file} was built wrongly`);
  }
}

/** Where the last derivation's output goes, by real Nix. */
export async function outputPath(store: GraphStore): Promise<string> {
  const args = ['--store', store.directory, '--query', '--outputs', store.drvPath];
  const { stdout } = await run(needProgram('nix-store'), args, { env: store.env });
  return stdout.trim();
}

/** A program's own account of the settings in force, by name, from a command that prints them as JSON. */
export async function effectiveSettings(
  command: readonly string[],
  store: GraphStore,
): Promise<Readonly<Record<string, unknown>>> {
  const { stdout } = await run(command[0]!, command.slice(1), { env: store.env });
  const settings = JSON.parse(stdout) as Record<string, { readonly value: unknown }>;
  return Object.fromEntries(Object.entries(settings).map(([name, { value }]) => [name, value]));
}

function configuration(busybox: string): string {
  return `sandbox = true
sandbox-fallback = false
sandbox-paths = /bin/sh=${busybox}
substitute = false
build-users-group =
max-jobs = ${jobs}
cores = 1
`;
}

const expression = `let
  trivial = name: script: derivation {
    inherit name;
    system = builtins.currentSystem;
    builder = "/bin/sh";
    args = [ "-c" script ];
  };
  leaves = builtins.genList (i: trivial "leaf-\${toString i}" "echo \${toString i} > $out") ${leaves};
in
trivial "sum" "for leaf in \${toString leaves}; do read line < $leaf; echo $line; done > $out"
`;
