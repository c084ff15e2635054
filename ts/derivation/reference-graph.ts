import { formatHash, type Hash } from '../formats/hash.js';
import type { JsonObject } from './json-text.js';

/**
 * A closure as a builder is told of it (`exportReferencesGraph`): sorted by path, with everything that a path of it
 * refers to.
 */
export type ReferenceGraph = readonly GraphPath[];

export interface GraphPath {
  readonly path: string;
  /** Of the NAR. */
  readonly narHash: Hash;
  /** Bytes of the NAR. */
  readonly narSize: number;
  /** Sorted; contains `path` itself when it refers to itself. */
  readonly references: readonly string[];
  readonly contentAddress?: string;
}

/**
 * The file that a builder without structured attributes finds: for each path the path, an empty line where a deriver
 * would be, the number of its references, and these, as `nix-store --register-validity` reads it.
 */
export function printReferenceGraph(graph: ReferenceGraph): string {
  return graph
    .flatMap(({ path, references }) => [path, '', references.length, ...references])
    .map((line) => `${line}\n`)
    .join('');
}

/** The attribute that takes its place with structured attributes. Sizes are bytes. */
export function referenceGraphJson(graph: ReferenceGraph): readonly JsonObject[] {
  const sizeOf = closureSizes(graph);
  return graph.map(({ path, narHash, narSize, references, contentAddress }) => ({
    path,
    narHash: formatHash(narHash, 'base32'),
    narSize,
    references,
    ...(contentAddress === undefined ? {} : { ca: contentAddress }),
    closureSize: sizeOf(path),
  }));
}

/** Sums up the NAR sizes of everything a path refers to over any distance, and its own. */
function closureSizes(graph: ReferenceGraph): (path: string) => number {
  const byPath = new Map(graph.map((one) => [one.path, one]));
  return (path) => {
    const seen = new Set([path]);
    let size = 0;
    // A set goes on to what is added while it is walked through.
    for (const one of seen) {
      const { narSize, references } = byPath.get(one)!;
      size += narSize;
      for (const reference of references) seen.add(reference);
    }
    return size;
  };
}
