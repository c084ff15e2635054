import { compareText } from '../../../base/text.js';
import type { Store } from '../../../open.js';
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
export async function* askedPaths(call: QueryCall): AsyncGenerator<string> {
  for (const path of pathsOf(call)) {
    if (call.forceRealise) await realise(call, path);
    if (call.useOutput && path.endsWith('.drv')) yield* outputsOf(call.store, path);
    else yield path;
  }
}

/** Sorted as Nix sorts store paths. */
function outputsOf(store: Store, drvPath: string): string[] {
  const derivation = readDerivation(store.local, drvPath);
  const outputs = store.local.derivationOutputs(drvPath);
  if (outputs.size < derivation.outputs.size) {
    throw failure('ERR_USAGE', `the output paths of '${drvPath}' are not known before it is built`);
  }
  return [...new Set(outputs.values())].sort(compareText);
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
