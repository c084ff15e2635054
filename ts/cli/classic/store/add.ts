import { basename, resolve } from 'node:path';
import { existsAt } from '../exists-at.js';
import { noSuchFile } from '../operand.js';
import { takeNoFlags } from '../operation-flags.js';
import type { Operation } from '../operations.js';
import { withWholeStore } from '../session.js';

/** `--add PATH...`: copies files and trees into the store, and prints their paths there. */
export const add: Operation = async (call) => {
  takeNoFlags(call);
  const { cwd, stdout, interrupts } = call.context;
  return await withWholeStore(call.context, async (store) => {
    for (const operand of call.operands) {
      const source = resolve(cwd, operand);
      if (!existsAt(source)) throw noSuchFile(source);
      const { signal } = interrupts;
      const { path } = await store.local.addPath({ name: basename(source), source }, { signal });
      await stdout.write(`${path}\n`);
    }
    return 0;
  });
};
