import type { Derivation } from './derivation.js';

/** True when the content of the outputs is known beforehand. */
export function isFixedOutput(derivation: Derivation): boolean {
  return [...derivation.outputs.values()].some(({ kind }) => kind === 'fixed');
}
