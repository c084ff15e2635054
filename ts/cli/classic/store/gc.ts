import { printable } from '../../../base/quote.js';
import { plainText } from '../../../report/messages.js';
import { rootLine } from '../../root-line.js';
import { takeNoOperands } from '../operation-flags.js';
import type { Operation, OperationCall } from '../operations.js';
import { withWholeStore } from '../session.js';
import { usage } from '../usage.js';
import { maxFreedOf, watchGarbage } from '../watch-garbage.js';

/** `--gc`: deletes what no root needs; or prints the roots, what lives, or what would be deleted. */
export const collectGarbage: Operation = async (call) => {
  const { action, maxFreed } = readFlags(call);
  takeNoOperands(call);
  const { stdout, interrupts } = call.context;
  const { signal } = interrupts;
  return await withWholeStore(call.context, async ({ local }) => {
    if (action === undefined) {
      return await watchGarbage(call, (onEvent) => local.collectGarbage({ maxFreed, signal, onEvent }));
    }
    const lines =
      action === 'roots'
        ? (await local.findRoots({ signal })).map(rootLine)
        : (await local.listPaths(action, { signal })).map(({ path }) => `${printable(path)}\n`);
    await stdout.write(lines.join(''));
    return 0;
  });
};

type Action = 'roots' | 'live' | 'dead';

function readFlags({ flags }: OperationCall): {
  action: Action | undefined;
  maxFreed: number | undefined;
} {
  let listed: 'live' | 'dead' | undefined;
  let roots = false;
  let maxFreed: number | undefined;
  const rest = [...flags];
  for (let flag = rest.shift(); flag !== undefined; flag = rest.shift()) {
    if (flag === '--print-roots') roots = true;
    else if (flag === '--print-live') listed = 'live';
    else if (flag === '--print-dead') listed = 'dead';
    else if (flag === '--max-freed') maxFreed = maxFreedOf(rest.shift()!);
    else throw usage(`bad sub-operation '${plainText(flag)}' in GC`);
  }
  return { action: roots ? 'roots' : listed, maxFreed };
}
