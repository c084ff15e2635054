import { basename, resolve } from 'node:path';
import { AirplantError } from '../../base/errors.js';
import type { HashAlgorithm } from '../../formats/hash.js';
import type { Command, CommandContext } from '../command.js';
import type { OpenStore } from '../engine.js';
import { storeFlags } from '../setting-flags.js';
import { resolveStoreOperand } from '../store-operand.js';
import { withStore } from '../store-session.js';

const addCommand: Command = {
  name: 'store add',
  operands: 'PATH...',
  operandCount: { min: 1, max: Number.POSITIVE_INFINITY },
  description: `Adds files and directories to the store, under an address of their content, and prints their store paths.

Without flags this is \`nix-store --add\`; with --flat, or with --type, \`nix-store --add-fixed\`.`,
  flags: [
    ...storeFlags,
    { long: 'name', values: ['NAME'], summary: 'the name in the store path (default that of the file)' },
    { long: 'flat', summary: 'hash the contents of a regular file, not its archive' },
    {
      long: 'type',
      values: ['ALGORITHM'],
      choices: ['md5', 'sha1', 'sha256', 'sha512'],
      summary: 'md5, sha1, sha256, sha512 (default sha256)',
    },
  ],
  run: (context) =>
    withStore(context, async (store) => {
      const { args, cwd, stdout, interrupts } = context;
      const name = args.value('name');
      if (name !== undefined && args.operands.length > 1) {
        throw new AirplantError('ERR_USAGE', 'one --name cannot be that of several paths');
      }
      for (const operand of args.operands) {
        const source = resolve(cwd, operand);
        const path = {
          source,
          name: name ?? basename(source),
          method: args.has('flat') ? ('flat' as const) : ('nar' as const),
          algorithm: args.value('type') as HashAlgorithm | undefined,
        };
        const added = await store.local.addPath(path, { signal: interrupts.signal });
        await stdout.write(`${added.path}\n`);
      }
      return 0;
    }),
};

const exportCommand: Command = {
  name: 'store export',
  operands: 'PATH...',
  operandCount: { min: 1, max: Number.POSITIVE_INFINITY },
  description: `Writes store paths to standard output, as one stream that \`airplant store import\` and \`nix-store --import\` read.

Only the paths named are in it, those that others refer to first; the store that imports it must have what else they refer to. With --recursive that is in it too. Contents that are not those that were registered end the stream with an error.`,
  flags: [...storeFlags, { long: 'recursive', short: 'r', summary: 'with everything the paths refer to' }],
  run: (context) =>
    withStore(context, async (store) => {
      const { args, stdout, interrupts } = context;
      if (stdout.isTTY) {
        throw new AirplantError(
          'ERR_USAGE',
          'a stream of paths is not for a terminal; send it to a file or a pipe',
        );
      }
      const named = storePaths(context, store);
      const paths = args.has('recursive') ? await store.local.closure(named) : named;
      const { signal } = interrupts;
      for await (const chunk of store.local.exportPaths(paths, { signal })) await stdout.write(chunk);
      return 0;
    }),
};

const importCommand: Command = {
  name: 'store import',
  operands: '',
  operandCount: { min: 0, max: 0 },
  description: `Adds the paths of a stream on standard input, as \`airplant store export\` and \`nix-store --export\` write it, and prints each.

The stream is believed: it holds no signatures. If it is damaged or cut short, the paths before that place have been added and nothing else.`,
  flags: storeFlags,
  run: (context) =>
    withStore(context, async (store) => {
      const { stdin, stdout, interrupts } = context;
      let printed = Promise.resolve();
      const onImported = (path: string) => {
        printed = printed.then(() => stdout.write(`${path}\n`));
        // Whether anybody reads them matters when all have come.
        printed.catch(() => {});
      };
      try {
        await store.local.importPaths(stdin(), { signal: interrupts.signal, onImported });
      } finally {
        await Promise.allSettled([printed]);
      }
      await printed;
      return 0;
    }),
};

const dumpDatabaseCommand: Command = {
  name: 'store dump-db',
  operands: '[PATH]...',
  operandCount: { min: 0, max: Number.POSITIVE_INFINITY },
  description: `Prints what the database says of paths, of all if none is named, as \`nix-store --dump-db\` does.

Signatures, content addresses and what was built here are not in it.`,
  flags: storeFlags,
  run: (context) =>
    withStore(context, async (store) => {
      const { args, stdout } = context;
      const paths = args.operands.length === 0 ? undefined : storePaths(context, store);
      for await (const record of store.local.dumpDatabase(paths)) await stdout.write(record);
      return 0;
    }),
};

const loadDatabaseCommand: Command = {
  name: 'store load-db',
  operands: '',
  operandCount: { min: 0, max: 0 },
  description: `Registers the paths that standard input describes, as \`airplant store dump-db\` and \`nix-store --dump-db\` write it.

Their contents must lie in the store already, and are not looked at. All are registered or none.`,
  flags: storeFlags,
  run: (context) => register(context, { hashGiven: true, reregister: true, canonicalise: false }),
};

const registerValidityCommand: Command = {
  name: 'store register-validity',
  operands: '',
  operandCount: { min: 0, max: 0 },
  description: `Makes what lies in the store directory valid, as standard input describes it.

For each path there is a line with the path, one with its deriver or nothing, one with the number of its references, and these; with --hash-given the hash and the size of its archive come after the path. Modes and times become those of store paths. All are registered or none, and what is valid already stays as it is.`,
  flags: [
    ...storeFlags,
    { long: 'hash-given', summary: 'believe the hashes and sizes on standard input' },
    { long: 'reregister', summary: 'register again what is valid already' },
  ],
  run: (context) => {
    const { args } = context;
    return register(context, { hashGiven: args.has('hash-given'), reregister: args.has('reregister') });
  },
};

const checkValidityCommand: Command = {
  name: 'store check-validity',
  operands: 'PATH...',
  operandCount: { min: 1, max: Number.POSITIVE_INFINITY },
  description: `Fails if one of the paths is not valid: not in the database of the store.

With --print-invalid those that are not are printed instead, and that is no failure.`,
  flags: [...storeFlags, { long: 'print-invalid', summary: 'print the paths that are not valid' }],
  run: (context) =>
    withStore(context, async (store) => {
      const { args, stdout } = context;
      const invalid = await store.local.invalidPaths(storePaths(context, store));
      if (!args.has('print-invalid') && invalid[0] !== undefined) {
        throw new AirplantError('ERR_PATH_INVALID', `path '${invalid[0]}' is not valid`, {
          details: { path: invalid[0] },
        });
      }
      await stdout.write(invalid.map((path) => `${path}\n`).join(''));
      return 0;
    }),
};

export const transferCommands: readonly Command[] = [
  addCommand,
  exportCommand,
  importCommand,
  dumpDatabaseCommand,
  loadDatabaseCommand,
  registerValidityCommand,
  checkValidityCommand,
];

function storePaths({ args, cwd }: CommandContext, store: OpenStore): string[] {
  const { directories } = store.local;
  return args.operands.map((operand) => resolveStoreOperand(operand, { cwd, directories }).storePath);
}

async function register(
  context: CommandContext,
  how: { readonly hashGiven: boolean; readonly reregister: boolean; readonly canonicalise?: boolean },
): Promise<number> {
  return await withStore(context, async (store) => {
    const { stdin, stderr, interrupts } = context;
    const count = await store.local.registerPaths(stdin(), { ...how, signal: interrupts.signal });
    stderr.write(`registered ${count} ${count === 1 ? 'path' : 'paths'}\n`);
    return 0;
  });
}
