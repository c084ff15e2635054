import { AirplantError } from '../../base/errors.js';
import { filterLine } from '../../base/terminal-filter.js';
import { wantsColours } from '../../report/colours.js';
import { LogLines } from '../../report/log-lines.js';
import type { Command, CommandContext } from '../command.js';
import { jsonFlag } from '../common-flags.js';
import type { OpenStore } from '../engine.js';
import { type FoundLog, printJson, printTimed } from '../print-log.js';
import { storeFlags } from '../setting-flags.js';
import { resolveStoreOperand } from '../store-operand.js';
import { withStore } from '../store-session.js';

export const logCommand: Command = {
  name: 'log',
  operands: 'PATH',
  operandCount: { min: 1, max: 1 },
  description: `Prints the log of the build of a .drv, or of the build that made an output path.

PATH may also be a link to an output, such as ./result. The log is printed byte for byte as the builder wrote it, except on a terminal, which gets nothing of it but text and colours.

With --json each line is an object: \`text\` (or \`base64\`, if it is not UTF-8), and \`time\` in Unix milliseconds if that is known. A line of more than a mebibyte comes in pieces, all but the last of which are \`partial\`.`,
  flags: [
    ...storeFlags,
    { long: 'times', summary: 'each line with when it came, in seconds since the build began' },
    jsonFlag,
  ],
  run: (context) =>
    withStore(context, async (store) => {
      const { args, cwd } = context;
      const { directories } = store.local;
      const { storePath } = resolveStoreOperand(args.operands[0]!, { cwd, directories });
      const found = await findLog(store, storePath);
      if (args.has('json')) await printJson(context, found);
      else if (args.has('times')) await printTimed(context, found);
      else await printLog(context, found.log);
      return 0;
    }),
};

async function findLog(store: OpenStore, storePath: string): Promise<FoundLog> {
  const { logs } = store.local;
  for (const drvPath of await derivationsOf(store, storePath)) {
    const log = await logs.read(drvPath);
    if (log) return { drvPath, log, times: () => logs.readTimes(drvPath) };
  }
  throw new AirplantError('ERR_NO_LOG', `no log of ${storePath} is kept in this store`);
}

async function derivationsOf(store: OpenStore, storePath: string): Promise<readonly string[]> {
  if (storePath.endsWith('.drv')) return [storePath];
  const { deriver } = await store.local.pathInfo(storePath);
  const derivers = await store.local.validDerivers(storePath);
  return deriver === undefined ? derivers : [deriver, ...derivers.filter((other) => other !== deriver)];
}

async function printLog({ stdout, env }: CommandContext, log: AsyncIterable<Uint8Array>): Promise<void> {
  if (!stdout.isTTY) {
    for await (const chunk of log) await stdout.write(chunk);
    return;
  }
  const colours = wantsColours(stdout, env);
  const lines = new LogLines();
  const print = async (items: ReturnType<LogLines['end']>) => {
    const shown = items.flatMap((item) => (item.kind === 'line' ? [filterLine(item.text, { colours })] : []));
    if (shown.length > 0) await stdout.write(`${shown.join('\n')}\n`);
  };
  for await (const chunk of log) await print(lines.push(chunk));
  await print(lines.end());
}
