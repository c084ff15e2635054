import { encodeText } from '../base/text.js';
import type { Wanted } from '../build/records.js';
import { askedPaths } from '../store/query/asked-paths.js';
import type { Command, CommandContext, FlagDefinition } from './command.js';
import { jsonFlag, progressFlags } from './common-flags.js';
import type { Awaitable, OpenLocalStore, OpenStore } from './engine.js';
import { type Output, writeJson } from './output.js';
import { settingFlags, storeFlags } from './setting-flags.js';
import { resolveStoreOperand } from './store-operand.js';
import { withStore } from './store-session.js';
import { watchRun } from './watch-run.js';

/** A question about paths of a store, as a command. */
export interface Query {
  /** As typed after `airplant query`. */
  readonly word: string;
  readonly description: string;
  /** What comes before the paths. */
  readonly operands?: readonly string[];
  readonly flags?: readonly FlagDefinition[];
  /** The paths are always those named: derivations never stand for their outputs. */
  readonly ownPaths?: boolean;
  /** There is an answer in JSON. */
  readonly json?: boolean;
  answer(question: Question): Awaitable<Answer>;
}

/** What is asked. */
export interface Question {
  readonly store: OpenLocalStore;
  readonly paths: readonly string[];
  /** Those before the paths. */
  readonly operands: readonly string[];
  has(flag: string): boolean;
}

export interface Answer {
  readonly json?: unknown;
  readonly text: Iterable<string>;
}

export const includeOutputsFlag: FlagDefinition = {
  long: 'include-outputs',
  summary: 'with the valid outputs of derivations',
};

const useOutputFlag: FlagDefinition = {
  long: 'use-output',
  short: 'u',
  summary: 'let a derivation stand for its outputs',
};

const forceRealiseFlag: FlagDefinition = {
  long: 'force-realise',
  short: 'f',
  summary: 'build derivations, and fetch other paths, before asking',
};

/** The command that asks it. Answers are those of `nix-store --query`, byte for byte. */
export function queryCommand(query: Query): Command {
  const { word, description, operands: before = [], flags = [], ownPaths = false, json = false } = query;
  // Asked for its outputs, a derivation always stands for them.
  const choosesOutput = !ownPaths && word !== 'outputs';
  const realises = !ownPaths;
  return {
    name: `query ${word}`,
    operands: [...before, 'PATH...'].join(' '),
    operandCount: { min: before.length + 1, max: Number.POSITIVE_INFINITY },
    description,
    flags: [
      ...storeFlags,
      ...flags,
      ...(choosesOutput ? [useOutputFlag] : []),
      ...(realises ? [forceRealiseFlag, ...settingFlags, ...progressFlags] : []),
      ...(json ? [jsonFlag] : []),
    ],
    run: (context) =>
      withStore(context, async (store) => {
        const { args, cwd, stdout } = context;
        const { local } = store;
        const named = args.operands
          .slice(before.length)
          .map((operand) => resolveStoreOperand(operand, { cwd, directories: local.directories }).storePath);
        const realised = realises && args.has('force-realise');
        if (realised) {
          const status = await realise(context, store, named);
          if (status !== 0) return status;
        }
        const useOutput = word === 'outputs' || (choosesOutput && args.has('use-output'));
        const paths = named.flatMap((path) => askedPaths(local, path, { useOutput, realised }));
        const operands = args.operands.slice(0, before.length);
        const answer = await query.answer({ store: local, paths, operands, has: (flag) => args.has(flag) });
        if (json && args.has('json')) await writeJson(stdout, answer.json);
        else await writePieces(stdout, answer.text);
        return 0;
      }),
  };
}

async function realise(context: CommandContext, store: OpenStore, paths: readonly string[]): Promise<number> {
  const wanted = paths.map(
    (path): Wanted =>
      path.endsWith('.drv') ? { kind: 'outputs', drvPath: path, outputs: 'all' } : { kind: 'path', path },
  );
  const { exitStatus } = await watchRun(context, (signal) => store.build(wanted, { signal }));
  return exitStatus;
}

/** Many small texts in few writes. */
async function writePieces(output: Output, pieces: Iterable<string>): Promise<void> {
  let text = '';
  for (const piece of pieces) {
    text += piece;
    if (text.length < 64 * 1024) continue;
    await output.write(encodeText(text));
    text = '';
  }
  await output.write(encodeText(text));
}
