import { resolve } from 'node:path';
import { commandSettings } from '../../store-session.js';
import { takeNoFlags, takeOneOperand } from '../operation-flags.js';
import type { Operation } from '../operations.js';

/** `--restore PATH`: unpacks the archive on standard input. If it is damaged, nothing is left behind. */
export const restore: Operation = async (call) => {
  takeNoFlags(call);
  const { context } = call;
  const destination = resolve(context.cwd, takeOneOperand(call));
  const caseHack = commandSettings(context)['use-case-hack'];
  const [{ readNar }, { restoreNar }] = await Promise.all([
    import('../../../formats/nar/read.js'),
    import('../../../store/restore-nar.js'),
  ]);
  await restoreNar(readNar(context.stdin()), destination, { caseHack });
  return 0;
};
