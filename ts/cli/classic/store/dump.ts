import { readablePath } from '../../readable-path.js';
import { commandSettings } from '../../store-session.js';
import { existsAt } from '../exists-at.js';
import { noSuchFile } from '../operand.js';
import { takeNoFlags, takeOneOperand } from '../operation-flags.js';
import type { Operation } from '../operations.js';

/** `--dump PATH`: writes the archive of a file or tree, which may also exist in the store only. */
export const dump: Operation = async (call) => {
  takeNoFlags(call);
  const { context } = call;
  const operand = takeOneOperand(call);
  const path = await readablePath(context, operand, { followLast: false });
  if (!existsAt(path)) throw noSuchFile(operand);
  const caseHack = commandSettings(context)['use-case-hack'];
  await context.engine.dumpNar(path, context.stdout.fd, { caseHack });
  return 0;
};
