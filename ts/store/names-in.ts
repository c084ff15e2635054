import { readdirSync } from 'node:fs';
import { decodeText } from '../base/text.js';

/** Names of a directory, as `base/text.ts` decodes them. */
export function namesIn(directory: string): string[] {
  return readdirSync(directory, { encoding: 'buffer' }).map(decodeText);
}
