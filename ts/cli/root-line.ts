import { printable } from '../base/quote.js';
import type { Root } from '../store/collect/records.js';

/** A root as the lists of them have it, one line: whoever makes a link chooses its name, and no other line. */
export function rootLine({ link, path }: Root): string {
  return `${printable(link)} -> ${printable(path)}\n`;
}
