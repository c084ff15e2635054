import { parseHash } from '../../../formats/hash.js';
import { makeFixedOutputPath } from '../../../formats/make-store-path.js';
import { commandSettings } from '../../store-session.js';
import { algorithmOf } from '../algorithm.js';
import { takeFlags } from '../operation-flags.js';
import type { Operation } from '../operations.js';
import { usage } from '../usage.js';

/** `--print-fixed-path [--recursive] ALGORITHM HASH NAME`: where a file of this hash would be added. */
export const printFixedPath: Operation = async (call) => {
  const method = takeFlags(call, ['--recursive']).has('--recursive') ? 'nar' : 'flat';
  const { context, operands } = call;
  const [algorithm, digest, name] = operands;
  if (operands.length !== 3) throw usage(`'--print-fixed-path' requires three arguments`);
  const hash = parseHash(digest!, algorithmOf(algorithm!));
  const { storeDir } = await context.engine.locateStore(commandSettings(context).store, context.env);
  await context.stdout.write(`${makeFixedOutputPath(storeDir, { method, hash, name: name! })}\n`);
  return 0;
};
