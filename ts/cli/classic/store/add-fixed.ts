import { basename, resolve } from 'node:path';
import { algorithmOf } from '../algorithm.js';
import { existsAt } from '../exists-at.js';
import { noSuchFile } from '../operand.js';
import { takeFlags } from '../operation-flags.js';
import type { Operation } from '../operations.js';
import { withWholeStore } from '../session.js';
import { usage } from '../usage.js';

/** `--add-fixed [--recursive] ALGORITHM PATH...`: adds what a fixed-output derivation would make, and prints its path. */
export const addFixed: Operation = async (call) => {
  const method = takeFlags(call, ['--recursive']).has('--recursive') ? 'nar' : 'flat';
  const [name, ...operands] = call.operands;
  if (name === undefined) throw usage('first argument must be hash algorithm');
  const algorithm = algorithmOf(name);
  const { cwd, stdout, interrupts } = call.context;
  return await withWholeStore(call.context, async ({ local }) => {
    for (const operand of operands) {
      const source = resolve(cwd, operand);
      if (!existsAt(source)) throw noSuchFile(operand);
      const { signal } = interrupts;
      const { path } = await local.addPath({ name: basename(source), source, method, algorithm }, { signal });
      await stdout.write(`${path}\n`);
    }
    return 0;
  });
};
