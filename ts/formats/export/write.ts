import { encodeText } from '../../base/text.js';
import { type ExportedPath, exportMagic } from './item.js';

/** Comes before the NAR of each path. */
export const startOfPath: Uint8Array = numbers(1);

/** Comes after the last path. */
export const endOfExport: Uint8Array = numbers(0);

/** What comes after the NAR of a path. References are sorted, as Nix has them. */
export function pathTrailer({ path, references, deriver }: ExportedPath): Buffer {
  return Buffer.concat([
    numbers(exportMagic),
    string(path),
    numbers(references.length),
    ...references.map(string),
    string(deriver ?? ''),
    // Nix 1 could put a signature here.
    numbers(0),
  ]);
}

/** Numbers of 64 bits, little-endian. */
function numbers(...values: number[]): Buffer {
  const bytes = Buffer.alloc(8 * values.length);
  for (const [index, value] of values.entries()) bytes.writeBigUInt64LE(BigInt(value), 8 * index);
  return bytes;
}

/** Its length, the bytes, and zeros up to a multiple of 8. */
function string(text: string): Buffer {
  const bytes = encodeText(text);
  return Buffer.concat([numbers(bytes.length), bytes, Buffer.alloc((8 - (bytes.length % 8)) % 8)]);
}
