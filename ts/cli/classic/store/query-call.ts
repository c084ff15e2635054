import type { Store } from '../../../open.js';
import { askedPaths } from '../../../store/query/asked-paths.js';
import type { CommandContext } from '../../command.js';
import { watchRun } from '../../watch-run.js';
import { storePathOf } from '../operand.js';
import { failure } from '../usage.js';
import { readDerivation } from './read-derivation.js';

/** What a query is asked, in which store. */
export interface QueryCall {
  readonly context: CommandContext;
  readonly store: Store;
  readonly operands: readonly string[];
  /** Outputs stand in for derivations. */
  readonly useOutput: boolean;
  /** Realise the paths first. */
  readonly forceRealise: boolean;
  readonly includeOutputs: boolean;
  /** The variable `--binding` asks for. */
  readonly binding: string;
}

/** The store path of each operand. */
export function pathsOf({ context, store, operands }: QueryCall): string[] {
  const place = { cwd: context.cwd, directories: store.local.directories };
  return operands.map((operand) => storePathOf(operand, place));
}

/** The paths that are asked about, in the order of the operands: outputs for derivations where flags say so. */
export async function* eachAsked(call: QueryCall): AsyncGenerator<string> {
  const { store, useOutput, forceRealise: realised } = call;
  for (const path of pathsOf(call)) {
    if (realised) await realise(call, path);
    // Missing, it has Nix's words.
    if (useOutput && path.endsWith('.drv')) readDerivation(store.local, path);
    yield* askedPaths(store.local, path, { useOutput, realised });
  }
}

/** The same, all of them. */
export async function allAsked(call: QueryCall): Promise<string[]> {
  const paths: string[] = [];
  for await (const path of eachAsked(call)) paths.push(path);
  return paths;
}

async function realise({ context, store }: QueryCall, path: string): Promise<void> {
  const wanted = path.endsWith('.drv')
    ? ({ kind: 'outputs', drvPath: path, outputs: 'all' } as const)
    : ({ kind: 'path', path } as const);
  const { exitStatus, results } = await watchRun(context, (signal) => store.build([wanted], { signal }));
  if (exitStatus === 0) return;
  const { code = 'ERR_BUILD_FAILED', message = '' } = results.find(({ error }) => error)?.error ?? {};
  throw failure(code as 'ERR_BUILD_FAILED', message);
}
