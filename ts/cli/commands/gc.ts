import { AirplantError } from '../../base/errors.js';
import { printable } from '../../base/quote.js';
import { parseSettingValue } from '../../config/setting-value.js';
import { mebibytes, plainText } from '../../report/messages.js';
import type { Command, CommandContext } from '../command.js';
import { jsonFlag, progressFlags } from '../common-flags.js';
import type { OpenStore } from '../engine.js';
import { writeJson } from '../output.js';
import { rootLine } from '../root-line.js';
import { storeFlags } from '../setting-flags.js';
import { withStore } from '../store-session.js';
import { runCollection, watchCollector } from '../watch-collection.js';
import { deleteNamed } from './delete.js';

export const gcCommand: Command = {
  name: 'gc',
  operands: '[PATH]...',
  operandCount: { min: 0, max: Number.POSITIVE_INFINITY },
  description: `Deletes every path of the store that no root needs, and what interrupted work has left in it.

Roots are the result links of builds, profiles, whatever else lies below \`gcroots\`, and what running processes use or work on. Builds may run meanwhile, also those of a real Nix. What is interrupted is finished by the next collection.

With --print-roots, --print-live, --print-dead or --dry-run nothing is deleted. With --delete only the paths that are named are: see \`airplant store delete\`.`,
  flags: [
    ...storeFlags,
    { long: 'max-freed', values: ['BYTES'], summary: 'stop when more than that is freed (K, M, G, T)' },
    { long: 'print-roots', summary: 'print what keeps which path' },
    { long: 'print-live', summary: 'print the paths that are kept' },
    { long: 'print-dead', summary: 'print the paths that would be deleted' },
    { long: 'dry-run', summary: 'say how much would be deleted' },
    { long: 'delete', summary: 'delete the paths that are named, and no others' },
    { long: 'ignore-liveness', summary: 'with --delete: also what roots need' },
    ...progressFlags.slice(0, 1),
    jsonFlag,
  ],
  run: collect,
};

const actions = ['print-roots', 'print-live', 'print-dead', 'dry-run', 'delete'] as const;

async function collect(context: CommandContext): Promise<number> {
  const { args } = context;
  const chosen = actions.filter((action) => args.has(action));
  if (chosen.length > 1) throw usage(`--${chosen[0]} and --${chosen[1]} exclude one another`);
  const action = chosen[0] ?? 'collect';
  if (action !== 'delete' && args.operands.length > 0) throw usage('paths are only named with --delete');
  if (action !== 'delete' && args.has('ignore-liveness')) throw usage('--ignore-liveness goes with --delete');
  if (action !== 'collect' && args.value('max-freed') !== undefined)
    throw usage(`--max-freed and --${action} exclude one another`);
  if (action === 'delete') {
    if (args.operands.length === 0) throw usage('--delete needs paths');
    return await deleteNamed(context);
  }
  return await withStore(context, (store) => run[action](context, store));
}

const run = {
  collect: async (context: CommandContext, { local }: OpenStore) => {
    const maxFreed = bytesOf(context.args.value('max-freed'));
    return await runCollection(context, (options) => local.collectGarbage({ ...options, maxFreed }));
  },

  'print-roots': async (context: CommandContext, { local }: OpenStore) => {
    const roots = await watchCollector(context, (options) => local.findRoots(options));
    if (context.args.has('json')) await writeJson(context.stdout, roots);
    else if (roots.length > 0) await context.stdout.write(roots.map(rootLine).join(''));
    return 0;
  },

  'print-live': (context: CommandContext, store: OpenStore) => print('live', context, store),
  'print-dead': (context: CommandContext, store: OpenStore) => print('dead', context, store),

  'dry-run': async (context: CommandContext, { local }: OpenStore) => {
    const dead = await watchCollector(context, (options) => local.listPaths('dead', options));
    if (context.args.has('json')) await writeJson(context.stdout, dead);
    else {
      const size = dead.reduce((sum, { narSize = 0 }) => sum + narSize, 0);
      context.stderr.write(`would delete ${dead.length} store paths, about ${mebibytes(size)}\n`);
    }
    return 0;
  },
};

async function print(which: 'live' | 'dead', context: CommandContext, { local }: OpenStore): Promise<number> {
  const { args, stdout } = context;
  const paths = await watchCollector(context, (options) => local.listPaths(which, options));
  if (args.has('json')) await writeJson(stdout, paths);
  else if (paths.length > 0) await stdout.write(paths.map(({ path }) => `${printable(path)}\n`).join(''));
  return 0;
}

function bytesOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  try {
    return parseSettingValue({ name: 'max-freed', kind: 'bytes' }, text, { cpus: 1 });
  } catch {
    throw usage(
      `--max-freed takes a number of bytes, with an optional suffix K, M, G or T, not '${plainText(text)}'`,
    );
  }
}

function usage(message: string): AirplantError {
  return new AirplantError('ERR_USAGE', message, { hint: 'See `airplant gc --help`.' });
}
