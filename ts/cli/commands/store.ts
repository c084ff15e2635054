import { plainText } from '../../report/messages.js';
import type { Command, CommandGroup } from '../command.js';
import { jsonFlag } from '../common-flags.js';
import { writeJson } from '../output.js';
import { storeFlags } from '../setting-flags.js';
import { derivationOperand } from '../store-operand.js';
import { commandSettings, withStore } from '../store-session.js';
import { deleteCommand } from './delete.js';
import { transferCommands } from './store-transfer.js';

const removeCommand: Command = {
  name: 'store remove',
  operands: '',
  operandCount: { min: 0, max: 0 },
  description: `Deletes a whole rootless store: everything built or copied there, its database and its logs.

Its directories are read-only, so that a plain \`rm -r\` cannot do it. A store at /nix/store, one that is in use, and anything that does not look like a store are refused. Without --yes it only says what would be deleted.`,
  flags: [...storeFlags, { long: 'yes', summary: 'really delete it' }],
  async run(context) {
    const { args, env, engine, stderr } = context;
    const directories = await engine.locateStore(commandSettings(context).store, env);
    const shown = plainText(directories.root ?? directories.realStoreDir);
    await engine.requireRemovable(directories);
    if (!args.has('yes')) {
      stderr.write(`would delete the store in ${shown}; say --yes to do it\n`);
      return 2;
    }
    await engine.removeStore(directories);
    stderr.write(`deleted the store in ${shown}\n`);
    return 0;
  },
};

const removeFailedCommand: Command = {
  name: 'store remove-failed',
  operands: '[DRV]...',
  operandCount: { min: 0, max: Number.POSITIVE_INFINITY },
  description: `Deletes what \`--keep-failed\` has kept of builds that failed, and prints of which; of all of them if none is named.`,
  flags: [...storeFlags, jsonFlag],
  async run(context) {
    const { args, cwd, stdout } = context;
    const removed = await withStore(context, async (store) => {
      const place = { cwd, directories: store.local.directories };
      return await store.removeFailed(args.operands.map((operand) => derivationOperand(operand, place)));
    });
    if (args.has('json')) await writeJson(stdout, removed);
    else for (const drvPath of removed) await stdout.write(`${plainText(drvPath)}\n`);
    return 0;
  },
};

export const storeCommands: CommandGroup = {
  name: 'store',
  commands: [...transferCommands, deleteCommand, removeCommand, removeFailedCommand],
};
