import { isAirplantError } from '../../../base/errors.js';
import { printable } from '../../../base/quote.js';
import type { LocalStore } from '../../../store/local-store.js';
import { type StoreOperand, tryStoreOperand } from '../../store-operand.js';
import { splitOperand } from '../operand.js';
import { readDerivation } from '../store/read-derivation.js';
import { failure } from '../usage.js';
import type { WantedOutput } from './build-expressions.js';

/** An operand that is a derivation of the store, `x.drv` or `x.drv!dev`; undefined for a file with an expression. */
export function derivationOperand(
  operand: string,
  { cwd, local }: { readonly cwd: string; readonly local: LocalStore },
): WantedOutput | undefined {
  const { file, outputs: names } = splitOperand(operand);
  const found = storeOperand(file, { cwd, directories: local.directories });
  if (!found?.storePath.endsWith('.drv') || found.below !== '') return undefined;
  const drvPath = found.storePath;
  if (names.length > 1) {
    const message = `building more than one derivation output is not supported, in '${printable(operand)}'`;
    throw failure('ERR_UNSUPPORTED', message);
  }
  const { env, outputs } = readDerivation(local, drvPath);
  const output = names[0] ?? env.get('outputName') ?? 'out';
  if (outputs.has(output)) return { drvPath, output };
  throw failure(
    'ERR_DERIVATION_INVALID',
    `derivation '${drvPath}' does not have output '${printable(output)}'`,
  );
}

/** What only looks like a store path is a file. */
function storeOperand(path: string, place: Parameters<typeof tryStoreOperand>[1]): StoreOperand | undefined {
  try {
    return tryStoreOperand(path, place);
  } catch (error) {
    if (isAirplantError(error, 'ERR_STORE_PATH')) return undefined;
    throw error;
  }
}
