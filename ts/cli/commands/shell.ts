import { join } from 'node:path';
import type { Command } from '../command.js';
import { exitStatusOf } from '../exit-status.js';
import { storeFlags } from '../setting-flags.js';
import { resolveStoreOperand } from '../store-operand.js';
import { withStore } from '../store-session.js';

export const shellCommand: Command = {
  name: 'shell',
  operands: '[PATH]...',
  operandCount: { min: 0, max: Number.POSITIVE_INFINITY },
  description: `Starts your shell with the store at the place its paths say, and the bin directories of the given paths before PATH.

The shell has your files, terminal, network and environment; this is no sandbox. --command runs one command line instead.`,
  flags: [...storeFlags, { long: 'command', short: 'c', values: ['LINE'], summary: 'run LINE with /bin/sh' }],
  async run(context) {
    const { args, cwd, engine, env, interrupts } = context;
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
