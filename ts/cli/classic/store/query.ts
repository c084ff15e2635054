import { plainText } from '../../../report/messages.js';
import type { Operation, OperationCall } from '../operations.js';
import { withWholeStore } from '../session.js';
import { usage } from '../usage.js';
import type { QueryCall } from './query-call.js';
import { type Query, queries } from './query-verbs.js';

/**
 * `--query VERB PATH...`. Verbs are flags, of which there is one at most; without one it is `--outputs`.
 */
export const query: Operation = async (call) => {
  const { verb, binding, operands, useOutput, forceRealise, includeOutputs } = readVerb(call);
  return await withWholeStore(call.context, async (store) => {
    const { context } = call;
    const asked: QueryCall = { context, store, operands, useOutput, forceRealise, includeOutputs, binding };
    await (await verb.load())(asked);
    return 0;
  });
};

interface ReadQuery extends Omit<QueryCall, 'context' | 'store'> {
  readonly verb: Query;
}

function readVerb({ flags, operands: given }: OperationCall): ReadQuery {
  const operands = [...given];
  let verb: Query | undefined;
  let binding = '';
  const on = new Set<string>();
  for (const flag of flags) {
    const option = optionNames.get(flag);
    const found = option === undefined ? queries.find(({ names }) => names.includes(flag)) : undefined;
    if (option !== undefined) on.add(option);
    else if (!found) throw usage(`unknown flag '${plainText(flag)}'`);
    if (found?.names.includes('--binding')) {
      const name = operands.shift();
      if (name === undefined) throw usage('expected binding name');
      binding = name;
    }
    if (found && verb && found !== verb) throw usage(`query type '${flag}' conflicts with earlier flag`);
    verb = found ?? verb;
  }
  return {
    verb: verb ?? queries[0]!,
    binding,
    operands,
    useOutput: on.has('use-output'),
    forceRealise: on.has('force-realise'),
    includeOutputs: on.has('include-outputs'),
  };
}

/** Flags that change what a verb does. */
const optionNames: ReadonlyMap<string, string> = new Map([
  ['--use-output', 'use-output'],
  ['-u', 'use-output'],
  ['--force-realise', 'force-realise'],
  ['--force-realize', 'force-realise'],
  ['-f', 'force-realise'],
  ['--include-outputs', 'include-outputs'],
]);
