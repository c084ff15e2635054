import type { Command, CommandContext } from '../command.js';
import { jsonFlag, progressFlags } from '../common-flags.js';
import { storeFlags } from '../setting-flags.js';
import { resolveStoreOperand } from '../store-operand.js';
import { withStore } from '../store-session.js';
import { runCollection } from '../watch-collection.js';

export const deleteCommand: Command = {
  name: 'store delete',
  operands: 'PATH...',
  operandCount: { min: 1, max: Number.POSITIVE_INFINITY },
  description: `Deletes paths of the store, all of them or none.

A path that a root needs, that a process works on, or that another path refers to which is not to be deleted as well, is refused. PATH may be a link such as ./result; it is not removed, and keeps what it points at.`,
  flags: [
    ...storeFlags,
    { long: 'ignore-liveness', summary: 'also what roots need' },
    ...progressFlags.slice(0, 1),
    jsonFlag,
  ],
  run: deleteNamed,
};

/** Deletes the paths that the operands name. Returns the exit status. */
export async function deleteNamed(context: CommandContext): Promise<number> {
  const { args, cwd } = context;
  return await withStore(context, async ({ local }) => {
    const place = { cwd, directories: local.directories };
    const paths = args.operands.map((operand) => resolveStoreOperand(operand, place).storePath);
    const ignoreLiveness = args.has('ignore-liveness');
    return await runCollection(context, (options) =>
      local.deletePaths(paths, { ...options, ignoreLiveness }),
    );
  });
}
