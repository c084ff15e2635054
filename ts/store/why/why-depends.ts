import { hashPartLength } from '../../formats/store-path.js';
import { invalidPath } from '../database.js';
import { realPathOf, type StoreParts } from '../store-parts.js';
import { type Reference, referencesBetween } from './chains.js';
import { findOccurrences, type Occurrence } from './occurrences.js';

export interface WhyOptions {
  /** Every reference that is part of some chain, and every file it was found in. Default: one shortest chain, few files. */
  readonly all?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A reference, and where it was found. */
export interface ExplainedReference extends Reference {
  /** Empty if it is only registered. */
  readonly occurrences: readonly Occurrence[];
}

/** Without `all` a file or two tell enough. */
const fewFiles = 3;

/**
 * Why one valid path depends on another. Undefined if it does not. Throws ERR_PATH_INVALID for either, and what reading them
 * fails with.
 */
export async function whyDepends(
  parts: Pick<StoreParts, 'database' | 'directories'>,
  between: Reference,
  { all = false, signal }: WhyOptions = {},
): Promise<ExplainedReference[] | undefined> {
  const { database, directories } = parts;
  for (const path of [between.from, between.to]) if (!database.isValid(path)) throw invalidPath(path);
  const store = {
    closure: (paths: Iterable<string>) => database.closure(paths),
    references: (path: string) => database.references(path) ?? [],
  };
  const references = referencesBetween(store, between, { all });
  if (!references) return undefined;
  const limit = all ? Number.POSITIVE_INFINITY : fewFiles;
  const explained: ExplainedReference[] = [];
  for (const { from, to } of references) {
    const hashPart = to.slice(directories.storeDir.length + 1).slice(0, hashPartLength);
    const occurrences = await findOccurrences(realPathOf(directories, from), hashPart, { limit, signal });
    explained.push({ from, to, occurrences });
  }
  return explained;
}
