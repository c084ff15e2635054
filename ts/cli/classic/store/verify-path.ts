import { formatHash } from '../../../formats/hash.js';
import type { PathCondition } from '../../../store/verify-path.js';
import { noSuchFile, storePathOf } from '../operand.js';
import { takeNoFlags } from '../operation-flags.js';
import type { Operation } from '../operations.js';
import { withWholeStore } from '../session.js';
import { failure } from '../usage.js';

/** `--verify-path PATH...`: reads paths and compares them with what is registered. Exit status 1 if one differs. */
export const verifyPaths: Operation = async (call) => {
  takeNoFlags(call, 'no flags expected');
  const { cwd, stderr, interrupts } = call.context;
  return await withWholeStore(call.context, async ({ local }) => {
    let status = 0;
    for (const operand of call.operands) {
      const path = storePathOf(operand, { cwd, directories: local.directories });
      if (call.verbosity > 3) stderr.write(`checking path '${path}'...\n`);
      const { signal } = interrupts;
      const problem = describe(path, await local.verifyPath(path, { signal }));
      if (problem === undefined) continue;
      stderr.write(`${problem}\n`);
      status = 1;
    }
    return status;
  });

  function describe(path: string, condition: PathCondition): string | undefined {
    switch (condition.kind) {
      case 'good':
        return undefined;
      case 'missing':
        throw noSuchFile(path);
      case 'unreadable':
        throw failure('ERR_FILE', `path '${path}' cannot be read: ${condition.why}`);
      case 'modified': {
        const { expected, actual } = condition;
        const [was, is] = [expected, actual].map((hash) => formatHash(hash, 'base32'));
        return `path '${path}' was modified! expected hash '${was}', got '${is}'`;
      }
    }
  }
};
