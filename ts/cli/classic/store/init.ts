import { takeNoFlags, takeNoOperands } from '../operation-flags.js';
import type { Operation } from '../operations.js';
import { withWholeStore } from '../session.js';

/** `--init`: makes the store if there is none, as every other operation does. */
export const init: Operation = async (call) => {
  takeNoFlags(call);
  takeNoOperands(call);
  return await withWholeStore(call.context, async () => 0);
};
