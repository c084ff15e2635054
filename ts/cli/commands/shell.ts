import { join } from 'node:path';
import { AirplantError } from '../../base/errors.js';
import type { Command, CommandContext } from '../command.js';
import { exitStatusOf } from '../exit-status.js';
import { storeFlags } from '../setting-flags.js';
import { derivationOperand, resolveStoreOperand } from '../store-operand.js';
import { withStore } from '../store-session.js';

export const shellCommand: Command = {
  name: 'shell',
  operands: '[PATH]... | --failed DRV [-- COMMAND...]',
  operandCount: { min: 0, max: Number.POSITIVE_INFINITY },
  description: `Starts your shell with the store at the place its paths say, and the bin directories of the given paths before PATH.

The shell has your files, terminal, network and environment; this is no sandbox. --command runs one command line instead.

With --failed it is the sandbox of a build that failed and was kept (\`build --keep-failed\`): the same mounts, environment, ids, network and limits, and all that the builder left where it left it. The shell is the builder if that is one, otherwise /bin/sh; a COMMAND is run instead of it. Time limits are not kept, and what is changed there stays changed.

Exit status: the shell's or the command's, or 128 and the number of the signal that ended it.`,
  flags: [
    ...storeFlags,
    { long: 'command', short: 'c', values: ['LINE'], summary: 'run LINE with /bin/sh' },
    { long: 'failed', values: ['DRV'], summary: 'enter the sandbox of a failed build that was kept' },
  ],
  async run(context) {
    const { args, cwd, engine, env, interrupts } = context;
    const failed = args.value('failed');
    if (failed !== undefined) return await enterFailed(context, failed);
    const { directories, paths } = await withStore(context, async (store) => {
      const place = { cwd, directories: store.local.directories };
      const storePaths = args.operands.map((operand) => resolveStoreOperand(operand, place).storePath);
      // Asking for each path now gives a clear error instead of a shell in which something is missing.
      for (const path of storePaths) await store.local.pathInfo(path);
      return { directories: place.directories, paths: storePaths };
    });
    const search = [...paths.map((path) => join(path, 'bin')), env['PATH'] ?? '/usr/bin:/bin'].join(':');
    const line = args.value('command');
    interrupts.leaveToChild();
    const exit = await engine.enterStore({
      directories,
      program: line === undefined ? env['SHELL'] || '/bin/sh' : '/bin/sh',
      args: line === undefined ? [] : ['-c', line],
      env: { ...env, PATH: search },
      cwd,
    });
    return exitStatusOf(exit);
  },
};

async function enterFailed(context: CommandContext, drv: string): Promise<number> {
  const { args, cwd, engine, interrupts } = context;
  const line = args.value('command');
  if (line !== undefined && args.operands.length > 0) {
    throw new AirplantError('ERR_USAGE', '--command and a COMMAND exclude each other', {
      hint: 'See `airplant shell --help`.',
    });
  }
  const command = line === undefined ? args.operands : ['/bin/sh', '-c', line];
  return await withStore(context, async (store) => {
    const drvPath = derivationOperand(drv, { cwd, directories: store.local.directories });
    const { signal } = interrupts;
    const exit = await engine.withTerminal((streams) =>
      store.enterFailed(drvPath, {
        ...streams,
        command: command.length > 0 ? command : undefined,
        signal,
      }),
    );
    return exitStatusOf(exit);
  });
}
