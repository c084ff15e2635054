import type { CommandContext } from '../command.js';

/** What an operation of nix-store is given: whatever on the command line is not for all of them. */
export interface OperationCall {
  readonly context: CommandContext;
  /** In the order given; the value of one that has one comes after it. */
  readonly flags: readonly string[];
  readonly operands: readonly string[];
  /** Absolute path of `--add-root`. */
  readonly addRoot: string | undefined;
  /** False with `--no-output`. */
  readonly output: boolean;
  /** False with `--no-gc-warning`. */
  readonly gcWarning: boolean;
  /** 3 is Nix's default. */
  readonly verbosity: number;
}

/** Exit status, 0 if nothing is returned. Throws ERR_USAGE for flags and operands it does not take. */
export type Operation = (call: OperationCall) => Promise<number | undefined>;

/** The operations of nix-store by the flags that ask for them; the first is what it is called. */
export const operations: readonly {
  readonly names: readonly string[];
  load(): Promise<Operation>;
}[] = [
  {
    names: ['--realise', '--realize', '-r'],
    load: async () => (await import('./store/realise.js')).realise,
  },
  { names: ['--query', '-q'], load: async () => (await import('./store/query.js')).query },
  { names: ['--add', '-A'], load: async () => (await import('./store/add.js')).add },
  { names: ['--add-fixed'], load: async () => (await import('./store/add-fixed.js')).addFixed },
  { names: ['--delete'], load: async () => (await import('./store/delete.js')).deletePaths },
  { names: ['--gc'], load: async () => (await import('./store/gc.js')).collectGarbage },
  { names: ['--verify'], load: async () => (await import('./store/verify.js')).verify },
  {
    names: ['--optimise', '--optimize'],
    load: async () => (await import('./store/optimise.js')).optimise,
  },
  { names: ['--export'], load: async () => (await import('./store/transfer.js')).exportPaths },
  { names: ['--import'], load: async () => (await import('./store/transfer.js')).importPaths },
  { names: ['--dump-db'], load: async () => (await import('./store/transfer.js')).dumpDatabase },
  { names: ['--load-db'], load: async () => (await import('./store/transfer.js')).loadDatabase },
  {
    names: ['--register-validity'],
    load: async () => (await import('./store/transfer.js')).registerValidity,
  },
  { names: ['--dump'], load: async () => (await import('./store/dump.js')).dump },
  { names: ['--restore'], load: async () => (await import('./store/restore.js')).restore },
  { names: ['--print-env'], load: async () => (await import('./store/print-env.js')).printEnvironment },
  { names: ['--read-log', '-l'], load: async () => (await import('./store/read-log.js')).readLog },
  {
    names: ['--check-validity'],
    load: async () => (await import('./store/check-validity.js')).checkValidity,
  },
  {
    names: ['--verify-path'],
    load: async () => (await import('./store/verify-path.js')).verifyPaths,
  },
  {
    names: ['--repair-path'],
    load: async () => (await import('./store/repair-path.js')).repairPaths,
  },
  {
    names: ['--print-fixed-path'],
    load: async () => (await import('./store/print-fixed-path.js')).printFixedPath,
  },
  {
    names: ['--generate-binary-cache-key'],
    load: async () => (await import('./store/generate-key.js')).generateKey,
  },
  { names: ['--init'], load: async () => (await import('./store/init.js')).init },
  { names: ['--serve'], load: async () => (await import('./store/serve.js')).serve },
];
