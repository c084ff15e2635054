import type { RequestVariation } from './request.js';
import type { SandboxCommand, SandboxEntry, SandboxSpec } from './spec.js';

/** Where the preloaded library lies in a sandbox. */
const preloaded = '/etc/airplant-clock.so';

/**
 * The same sandbox, except for what is varied. A library is preloaded by the file that the C library's loader reads, the
 * one of nixpkgs another than everybody else's, so that the environment stays what it was. Pure.
 */
export function variedSandbox(
  spec: SandboxSpec,
  variation: RequestVariation,
  buildDirectory: string,
): SandboxSpec {
  const { firstProcess, reversed, preload } = variation;
  const toReverse = new Set(reversed ? [buildDirectory, ...reversed.inputs] : []);
  return {
    ...spec,
    ...(firstProcess === undefined ? {} : { firstProcess }),
    entries: [
      ...spec.entries.map((entry) => (toReverse.has(entry.target) ? reversedEntry(entry) : entry)),
      ...(preload === undefined ? [] : preloadEntries(preload)),
    ],
    command: variedCommand(spec.command, variation),
  };
}

/** The part of it that needs no sandbox. */
export function variedCommand(
  command: SandboxCommand,
  { umask, processors, moreDescriptors }: RequestVariation,
): SandboxCommand {
  return {
    ...command,
    ...(umask === undefined ? {} : { umask }),
    ...(processors === undefined ? {} : { processors }),
    ...(moreDescriptors === undefined ? {} : { moreDescriptors }),
  };
}

function reversedEntry(entry: SandboxEntry): SandboxEntry {
  if (entry.kind !== 'bind') return entry;
  const { source, target, readOnly, why } = entry;
  return { kind: 'reversed', source, target, readOnly, why };
}

function preloadEntries(library: string): SandboxEntry[] {
  const why = 'a check with a later date';
  return [
    {
      kind: 'bind',
      source: library,
      target: preloaded,
      readOnly: true,
      optional: false,
      follow: true,
      why,
    },
    ...['/etc/ld.so.preload', '/etc/ld-nix.so.preload'].map((target) => ({
      kind: 'file' as const,
      target,
      mode: 0o444,
      contents: `${preloaded}\n`,
      why,
    })),
  ];
}
