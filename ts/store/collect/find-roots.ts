import { compareText } from '../../base/text.js';
import type { StoreParts } from '../store-parts.js';
import { Pace } from './pace.js';
import type { Root } from './records.js';
import { type RootCandidate, readRootLinks } from './root-links.js';
import { readRuntimeRoots } from './runtime-roots.js';
import { readTempRoots } from './temp-root-files.js';

export interface FindRootsOptions {
  /** False where nothing may be changed: what is stale stays. */
  readonly removeStale: boolean;
  /** Processes are called `{censored}`, for those who should not know who runs what. */
  readonly censor?: boolean | undefined;
  readonly onNote: (message: string) => void;
  readonly signal?: AbortSignal | undefined;
}

/** All roots, each once, by the order of their links: what `nix-store --gc --print-roots` prints. */
export async function findAllRoots(parts: StoreParts, options: FindRootsOptions): Promise<Root[]> {
  const found = new Map<string, Root>();
  const add = (root: Root) => found.set(`${root.link}\0${root.path}`, root);
  for await (const roots of findRoots(parts, options))
    for (const { link, path } of roots) add({ link, path });
  for (const { link, path } of readTempRoots(parts.directories, options))
    add({ link: options.censor ? censored : link, path });
  return [...found.values()].sort((a, b) => compareText(a.link, b.link) || compareText(a.path, b.path));
}

/** A root that is no temporary one: a valid path, by its id. */
export interface PermanentRoot extends Root {
  readonly id: number;
}

/**
 * The roots that are no temporary ones, in batches as they are found. One may come more than once. Nothing but a batch is
 * kept in memory.
 */
export async function* findRoots(
  { directories, database }: StoreParts,
  options: FindRootsOptions,
): AsyncGenerator<PermanentRoot[], void, undefined> {
  const pace = new Pace(options.signal);
  let batch: RootCandidate[] = [];
  const valid = () => {
    const ids = database.garbage.idsOf([...new Set(batch.map(({ path }) => path))]);
    const roots: PermanentRoot[] = [];
    for (const { link, path, named } of batch) {
      const id = ids.get(path);
      if (id !== undefined) roots.push({ link, path, id });
      else if (named) options.onNote(`skipping invalid root from '${link}' to '${path}'`);
    }
    batch = [];
    return roots;
  };
  for (const candidate of candidates(directories, options)) {
    batch.push(candidate);
    if (batch.length >= batchSize) yield valid();
    if (pace.isDue) await pace.rest();
  }
  yield valid();
}

const batchSize = 1000;
const censored = '{censored}';

function* candidates(
  directories: StoreParts['directories'],
  options: FindRootsOptions,
): Generator<RootCandidate, void, undefined> {
  yield* readRootLinks(directories, options);
  for (const { link, path } of readRuntimeRoots(directories))
    yield { link: options.censor ? censored : link, path, named: false };
}
