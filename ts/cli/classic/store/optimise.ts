import { watchRun } from '../../watch-run.js';
import type { Operation } from '../operations.js';
import { withWholeStore } from '../session.js';
import { usage } from '../usage.js';

/** `--optimise`: replaces equal files of the store by hard links to one. */
export const optimise: Operation = async (call) => {
  if (call.flags.length > 0 || call.operands.length > 0) throw usage('no arguments expected');
  const { context } = call;
  return await withWholeStore(context, async (store) => {
    const { failures } = await watchRun(context, (signal) => store.optimise({ signal }));
    return failures.length === 0 ? 0 : 1;
  });
};
