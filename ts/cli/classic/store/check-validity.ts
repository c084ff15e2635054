import { storePathOf } from '../operand.js';
import { takeFlags } from '../operation-flags.js';
import type { Operation } from '../operations.js';
import { withWholeStore } from '../session.js';
import { failure } from '../usage.js';

/** `--check-validity PATH...`: fails at the first path that is not valid, or with `--print-invalid` prints all such. */
export const checkValidity: Operation = async (call) => {
  const printInvalid = takeFlags(call, ['--print-invalid']).has('--print-invalid');
  const { cwd, stdout } = call.context;
  return await withWholeStore(call.context, async ({ local }) => {
    for (const operand of call.operands) {
      const path = storePathOf(operand, { cwd, directories: local.directories });
      if (local.isValid(path)) continue;
      if (!printInvalid) throw failure('ERR_PATH_INVALID', `path '${path}' is not valid`);
      await stdout.write(`${path}\n`);
    }
    return 0;
  });
};
