import type { LocalStore } from '../../store/local-store.js';
import type { Wanted } from '../records.js';

/**
 * What makes a path: an output of the derivation that is recorded as its deriver, or of another one in the store that
 * has it as an output; the path itself if there is none.
 */
export function makerOf(path: string, store: LocalStore): Wanted {
  const derivers = store.validDerivers(path);
  const deriver = store.isValid(path) ? store.pathInfo(path).deriver : undefined;
  const drvPath = deriver !== undefined && derivers.includes(deriver) ? deriver : derivers[0];
  if (drvPath === undefined) return { kind: 'path', path };
  const outputs = [...store.derivationOutputs(drvPath)].flatMap(([name, output]) =>
    output === path ? [name] : [],
  );
  return { kind: 'outputs', drvPath, outputs };
}
