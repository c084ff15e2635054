import { AirplantError } from '../../base/errors.js';
import { quote } from '../../base/quote.js';
import { type Variation, variations } from '../../build/check/causes/facts.js';
import type { CheckOptions } from '../../build/check/records.js';
import { checkWanted } from '../check-wanted.js';
import type { Command, CommandContext } from '../command.js';
import { jsonFlag, progressFlags } from '../common-flags.js';
import { settingFlags, storeFlags } from '../setting-flags.js';
import { withWanted } from '../with-wanted.js';

/** What can be varied. */
const choices = variations.filter((variation) => variation !== 'none');

export const checkCommand: Command = {
  name: 'check',
  operands: '[SOURCE]...',
  operandCount: { min: 0, max: Number.POSITIVE_INFINITY },
  description: `Builds derivations again and compares all their outputs with those in the store, which are left as they are.

A SOURCE is what \`build\` takes; a store path stands for the derivation that made it. What was never built is built first, and so is whatever the builders need.

With \`--vary\` each rebuild differs in all that is named. If then something comes out otherwise, the derivation is built once as usual and once for each of them alone, so that the cause can be told.

Where diffoscope is installed, what it says of each output that differs is in the report. It runs in a sandbox as builds do; where they have none it would read what builders have written with your rights, and has to be asked for. \`--no-diffoscope\` leaves it out.

What was made instead of an output is kept beside it, as \`PATH.check\`, until the next check or collection of garbage. The outputs that came out the same are printed.

Exit status: 0 if all outputs are the same, 104 if some differ, otherwise as of \`build\`.`,
  flags: [
    ...storeFlags,
    ...settingFlags,
    { long: 'rounds', values: ['N'], summary: 'rebuild N times instead of once, or until something differs' },
    {
      long: 'vary',
      values: ['LIST'],
      summary: `make different what a build must not depend on: all, or some of ${choices.join(', ')}`,
    },
    {
      long: 'diffoscope',
      negatable: true,
      summary: 'let diffoscope compare what differs; default: if it is installed, and builds have a sandbox',
    },
    ...progressFlags,
    jsonFlag,
  ],
  run: check,
};

async function check(context: CommandContext): Promise<number> {
  const { args } = context;
  const rounds = roundsOf(args.value('rounds') ?? '1');
  const list = args.value('vary');
  const vary = list === undefined ? [] : variationsOf(list);
  const diffoscope: CheckOptions['diffoscope'] = args.choice('diffoscope') ?? 'if-installed';
  const checking = { rounds, buildMissing: true, vary, diffoscope };
  const operands = args.operands.length > 0 ? args.operands : ['.'];
  return await withWanted(context, operands, ({ store, wanted }) =>
    checkWanted(context, store, wanted, checking),
  );
}

/** Each once, in our order. */
function variationsOf(list: string): readonly Variation[] {
  const words = list.split(',');
  for (const word of words) {
    if (word === 'all' || choices.some((choice) => choice === word)) continue;
    throw new AirplantError('ERR_USAGE', `--vary knows no ${quote(word)}`, {
      hint: `There are ${choices.join(', ')}, and \`all\`.`,
    });
  }
  return words.includes('all') ? choices : choices.filter((choice) => words.includes(choice));
}

function roundsOf(text: string): number {
  if (/^[1-9][0-9]{0,5}$/.test(text)) return Number(text);
  throw new AirplantError(
    'ERR_USAGE',
    `--rounds takes a number of rebuilds from 1 to 999999, not ${quote(text)}`,
  );
}
