import { AirplantError } from '../base/errors.js';
import type { Derivation } from '../derivation/derivation.js';
import { parseStorePath } from '../formats/store-path.js';
import type { Wanted } from './records.js';

/**
 * Reads what a user may ask for: `/nix/store/…-x.drv` (all outputs), `/nix/store/…-x.drv!out,dev` (some; `^` is
 * taken for `!`, as newer Nix writes it), or any other store path.
 *
 * Throws ERR_STORE_PATH for what is no store path, ERR_USAGE for an empty list of outputs.
 */
export function parseWanted(storeDir: string, text: string): Wanted {
  const mark = text.search(/[!^]/);
  const path = parseStorePath(storeDir, mark < 0 ? text : text.slice(0, mark)).path;
  if (!path.endsWith('.drv')) {
    if (mark >= 0)
      throw new AirplantError('ERR_USAGE', `'${text}' names outputs of something that is not a derivation`);
    return { kind: 'path', path };
  }
  const names = mark < 0 ? '*' : text.slice(mark + 1);
  if (names === '*') return { kind: 'outputs', drvPath: path, outputs: 'all' };
  const outputs = names.split(',');
  if (outputs.some((name) => name === ''))
    throw new AirplantError('ERR_USAGE', `'${text}' names an empty output`);
  return { kind: 'outputs', drvPath: path, outputs };
}

/** The same in text, for messages. */
export function formatWanted(wanted: Wanted): string {
  if (wanted.kind === 'path') return wanted.path;
  return wanted.outputs === 'all' ? wanted.drvPath : `${wanted.drvPath}!${wanted.outputs.join(',')}`;
}

/** The path that is asked for, or the one of the derivation whose outputs are. */
export function pathOf(wanted: Wanted): string {
  return wanted.kind === 'path' ? wanted.path : wanted.drvPath;
}

/** What has to be valid before the builder of a derivation can run. */
export function inputsOf({ inputDrvs, inputSrcs }: Derivation): Wanted[] {
  return [
    ...[...inputDrvs].map(([drvPath, { outputs }]) => ({ kind: 'outputs', drvPath, outputs }) as const),
    ...[...inputSrcs].map((path) => ({ kind: 'path', path }) as const),
  ];
}
