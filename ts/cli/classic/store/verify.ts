import { watchRun } from '../../watch-run.js';
import { takeFlags, takeNoOperands } from '../operation-flags.js';
import type { Operation } from '../operations.js';
import { withWholeStore } from '../session.js';

/** `--verify [--check-contents] [--repair]`: looks for damage in the whole store. Exit status 1 if some stays. */
export const verify: Operation = async (call) => {
  takeNoOperands(call);
  const flags = takeFlags(call, ['--check-contents', '--repair']);
  const { context } = call;
  return await withWholeStore(context, async (store) => {
    const checkContents = flags.has('--check-contents');
    const repair = flags.has('--repair');
    const run = (signal: AbortSignal) => store.verify({ checkContents, repair, signal });
    return (await watchRun(context, run)).exitStatus;
  });
};
