import { watchRun } from '../../watch-run.js';
import { storePathOf } from '../operand.js';
import { takeNoFlags } from '../operation-flags.js';
import type { Operation } from '../operations.js';
import { withWholeStore } from '../session.js';

/** `--repair-path PATH...`: replaces what is damaged by what a substituter has, or else by what its derivation makes. */
export const repairPaths: Operation = async (call) => {
  takeNoFlags(call, 'no flags expected');
  const { context } = call;
  return await withWholeStore(context, async (store) => {
    const place = { cwd: context.cwd, directories: store.local.directories };
    const wanted = call.operands.map((operand) => {
      return { kind: 'path', path: storePathOf(operand, place) } as const;
    });
    if (wanted.length === 0) return 0;
    const run = (signal: AbortSignal) => store.build(wanted, { repair: true, signal });
    return (await watchRun(context, run)).exitStatus;
  });
};
