import { type HashAlgorithm, isHashAlgorithm } from '../../formats/hash.js';
import { plainText } from '../../report/messages.js';
import { usage } from './usage.js';

/** A hash algorithm by its name. Throws in Nix's words. */
export function algorithmOf(name: string): HashAlgorithm {
  if (isHashAlgorithm(name)) return name;
  throw usage(`unknown hash algorithm '${plainText(name)}'`);
}
