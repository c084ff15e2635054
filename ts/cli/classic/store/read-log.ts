import type { LocalStore } from '../../../store/local-store.js';
import { storePathOf } from '../operand.js';
import { takeNoFlags } from '../operation-flags.js';
import type { Operation } from '../operations.js';
import { withWholeStore } from '../session.js';
import { failure } from '../usage.js';

/** `--read-log PATH...`: the kept logs of the builds of derivations, or of those that made paths. */
export const readLog: Operation = async (call) => {
  takeNoFlags(call);
  const { cwd, stdout } = call.context;
  return await withWholeStore(call.context, async ({ local }) => {
    for (const operand of call.operands) {
      const path = storePathOf(operand, { cwd, directories: local.directories });
      const drvPath = derivationOf(local, path);
      const log = drvPath === undefined ? undefined : await local.logs.read(drvPath);
      if (!log) throw failure('ERR_NO_LOG', `build log of derivation '${path}' is not available`);
      for await (const chunk of log) await stdout.write(chunk);
    }
    return 0;
  });
};

function derivationOf(local: LocalStore, path: string): string | undefined {
  if (path.endsWith('.drv')) return path;
  return local.isValid(path) ? local.pathInfo(path).deriver : undefined;
}
