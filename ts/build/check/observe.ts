import type { DumpTreeOptions } from '../../native.js';
import { readTree } from '../../store/read-tree.js';
import { storeError } from '../../store/store-parts.js';
import { compareTrees, type FoundDifference } from './compare-trees.js';
import { type Examined, examine } from './examine.js';
import type { Observation, ObservedDifference } from './observation.js';

/** Differences that are kept, and files among them that are decoded. */
const mostDifferences = 1000;
const mostExaminedFiles = 100;

/** One output of two builds: its name, and where its files lie on the host. */
export interface OutputPair {
  readonly name: string;
  readonly a: string;
  readonly b: string;
}

/**
 * Compares the outputs of two builds. Each file is read once; what is long is compared as it streams by. The outputs
 * must lie still: their builders are dead.
 *
 * Throws ERR_SYSTEM or ERR_UNSUPPORTED_FILE for what cannot be read, and the signal's reason.
 */
export async function compareOutputs(
  outputs: readonly OutputPair[],
  options: DumpTreeOptions = {},
): Promise<Pick<Observation, 'differences' | 'more'>> {
  const differences: ObservedDifference[] = [];
  let [more, examinedFiles] = [0, 0];
  for (const { name, a, b } of outputs) {
    try {
      for await (const found of compareTrees(readTree(a, options), readTree(b, options))) {
        if (differences.length === mostDifferences) {
          more++;
          continue;
        }
        const examined = examinedFiles < mostExaminedFiles ? examineFound(found) : undefined;
        if (examined) examinedFiles++;
        differences.push({ output: name, difference: found.difference, ...(examined ? { examined } : {}) });
      }
    } catch (error) {
      throw storeError(error, `comparing two builds of output '${name}'`);
    }
  }
  return { differences, more };
}

/** Decodes both files, or takes the ranges of what was too long for that. */
function examineFound({ difference, whole }: FoundDifference): Examined | undefined {
  if (whole) return examine(whole);
  if (difference.kind !== 'file' || !difference.contents) return undefined;
  const { ranges, moreRanges } = difference.contents;
  const spots = ranges.map((range) => ({ kind: 'bytes' as const, trail: [], ...range }));
  return { format: 'bytes', spots, complete: !moreRanges };
}
