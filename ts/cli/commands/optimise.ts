import { mebibytes } from '../../store/optimise/describe.js';
import type { Command, CommandContext } from '../command.js';
import { jsonFlag, progressFlags } from '../common-flags.js';
import { writeJson } from '../output.js';
import { storeFlags } from '../setting-flags.js';
import { withStore } from '../store-session.js';
import { watchRun } from '../watch-run.js';

export const optimiseCommand: Command = {
  name: 'optimise',
  operands: '',
  operandCount: { min: 0, max: 0 },
  description: `Replaces equal files of the store by hard links to one, as \`nix-store --optimise\` does.

Builds, collectors and a real Nix may work on the store meanwhile. The setting \`auto-optimise-store\` does the same for every new path. Files that are links already are passed over by their inode, unless \`--recheck\` is given: then they are read, and so is every link before something is replaced by it.

With \`--stats\` nothing is changed: it prints how many files share how many contents, and what that saves.

Exit status: 0, or 1 if some path could not be worked through.`,
  flags: [
    ...storeFlags,
    { long: 'recheck', summary: 'look at files that are links already as well, and at the links themselves' },
    { long: 'stats', summary: 'only say what hard links save' },
    ...progressFlags,
    jsonFlag,
  ],
  run: optimise,
};

async function optimise(context: CommandContext): Promise<number> {
  const { args, stdout } = context;
  return await withStore(context, async (store) => {
    if (args.has('stats')) {
      const statistics = await store.local.linkStatistics();
      const { links, files, bytesSaved } = statistics;
      if (args.has('json')) await writeJson(stdout, statistics);
      else
        await stdout.write(`${files} files share ${links} contents, which saves ${mebibytes(bytesSaved)}\n`);
      return 0;
    }
    const recheck = args.has('recheck');
    const { failures, ...optimised } = await watchRun(context, (signal) =>
      store.optimise({ recheck, signal }),
    );
    const failed = failures.map(({ code, syscall, path }) => ({ code, syscall, path }));
    if (args.has('json')) await writeJson(stdout, { ...optimised, failures: failed });
    return failed.length === 0 ? 0 : 1;
  });
}
