import type { ClassicProgram, Command, CommandGroup } from './command.js';

/** A verb as `airplant --help` lists it; its code is loaded when it is used. */
export interface Verb {
  readonly name: string;
  readonly summary: string;
  load(): Promise<Command | CommandGroup | ClassicProgram>;
}

export const verbs: readonly Verb[] = [
  {
    name: 'build',
    summary: 'build derivations',
    load: async () => (await import('./commands/build.js')).buildCommand,
  },
  {
    name: 'check',
    summary: 'build derivations again and compare',
    load: async () => (await import('./commands/check.js')).checkCommand,
  },
  {
    name: 'repair',
    summary: 'make damaged paths whole again',
    load: async () => (await import('./commands/repair.js')).repairCommand,
  },
  {
    name: 'verify',
    summary: 'look for damage in the store',
    load: async () => (await import('./commands/verify.js')).verifyCommand,
  },
  {
    name: 'optimise',
    summary: 'let equal files of the store share their contents',
    load: async () => (await import('./commands/optimise.js')).optimiseCommand,
  },
  {
    name: 'explain',
    summary: 'find out what a failing build missed',
    load: async () => (await import('./commands/explain.js')).explainCommand,
  },
  {
    name: 'log',
    summary: 'print the log of a build',
    load: async () => (await import('./commands/log.js')).logCommand,
  },
  {
    name: 'run',
    summary: 'run a program out of the store',
    load: async () => (await import('./commands/run.js')).runCommand,
  },
  {
    name: 'shell',
    summary: 'start a shell that sees the store',
    load: async () => (await import('./commands/shell.js')).shellCommand,
  },
  {
    name: 'show-derivation',
    summary: 'print derivations as JSON',
    load: async () => (await import('./commands/show-derivation.js')).showDerivationCommand,
  },
  {
    name: 'show-sandbox',
    summary: 'print the sandbox a derivation would be built in',
    load: async () => (await import('./commands/show-sandbox.js')).showSandboxCommand,
  },
  {
    name: 'path-info',
    summary: 'print what the store knows of a path',
    load: async () => (await import('./commands/path-info.js')).pathInfoCommand,
  },
  {
    name: 'query',
    summary: 'ask what refers to what, and what made it',
    load: async () => (await import('./commands/query.js')).queryCommands,
  },
  {
    name: 'why',
    summary: 'find out why a path depends on another',
    load: async () => (await import('./commands/why.js')).whyCommand,
  },
  {
    name: 'nar',
    summary: 'make, unpack and look into archives',
    load: async () => (await import('./commands/nar.js')).narCommands,
  },
  {
    name: 'hash',
    summary: 'hash files and paths, convert hashes',
    load: async () => (await import('./commands/hash.js')).hashCommands,
  },
  {
    name: 'gc',
    summary: 'delete what nothing needs any more',
    load: async () => (await import('./commands/gc.js')).gcCommand,
  },
  {
    name: 'store',
    summary: 'take paths in and out, manage a whole store',
    load: async () => (await import('./commands/store.js')).storeCommands,
  },
  {
    name: 'doctor',
    summary: 'find out what this machine allows',
    load: async () => (await import('./commands/doctor.js')).doctorCommand,
  },
  {
    name: 'config',
    summary: 'print settings and where they come from',
    load: async () => (await import('./commands/config.js')).configCommand,
  },
  {
    name: 'nix-store',
    summary: 'do what nix-store does',
    load: async () => (await import('./classic/nix-store.js')).nixStore,
  },
  {
    name: 'nix-build',
    summary: 'do what nix-build does',
    load: async () => (await import('./classic/nix-build.js')).nixBuild,
  },
  {
    name: 'nix-hash',
    summary: 'do what nix-hash does',
    load: async () => (await import('./classic/nix-hash.js')).nixHash,
  },
];
