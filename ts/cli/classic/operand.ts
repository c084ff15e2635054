import { lstatSync } from 'node:fs';
import { resolve } from 'node:path';
import { printable } from '../../base/quote.js';
import type { Wanted } from '../../build/records.js';
import type { StoreDirectories } from '../../store/directories.js';
import { tryStoreOperand } from '../store-operand.js';
import { failure } from './usage.js';

interface Place {
  readonly cwd: string;
  readonly directories: StoreDirectories;
}

/** The store path an operand lies in, behind symlinks such as `result`. Throws in Nix's words if it lies elsewhere. */
export function storePathOf(operand: string, place: Place): string {
  const found = tryStoreOperand(operand, place);
  if (found) return found.storePath;
  const path = resolve(place.cwd, operand);
  if (lstatSync(path, { throwIfNoEntry: false })) {
    throw failure('ERR_STORE_PATH', `path '${printable(path)}' is not in the Nix store`);
  }
  throw noSuchFile(path);
}

/** The same for what is to be realised: `x.drv`, `x.drv!dev,out`, or a path. */
export function wantedOf(operand: string, place: Place): Wanted {
  const { file, outputs } = splitOperand(operand);
  const path = storePathOf(file, place);
  if (!path.endsWith('.drv')) return { kind: 'path', path };
  return { kind: 'outputs', drvPath: path, outputs: outputs.length === 0 ? 'all' : [...new Set(outputs)] };
}

/** `x.drv!dev,out` as the file and the outputs it names; none if it names none. */
export function splitOperand(operand: string): {
  readonly file: string;
  readonly outputs: readonly string[];
} {
  const mark = operand.indexOf('!');
  if (mark < 0) return { file: operand, outputs: [] };
  const outputs = operand.slice(mark + 1).split(',');
  return { file: operand.slice(0, mark), outputs: outputs.filter(Boolean) };
}

export function noSuchFile(path: string, cause?: unknown): Error {
  return failure('ERR_FILE', `getting status of '${printable(path)}': No such file or directory`, cause);
}
