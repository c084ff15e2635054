import { compareText } from '../../base/text.js';
import { eachOf } from '../each-of.js';
import { type ExaminedPath, examinePath, isUnhashed } from '../verify-path.js';
import type { Finding } from './finding.js';
import { whyUnreadable } from './unreadable.js';
import type { VerifyContext, VerifyStoreOptions } from './verify-store.js';

/**
 * Reads valid paths and compares their hashes, on all processors. Damage is told as it is found, and noted in the order
 * of paths. Empty fields of the database are filled in.
 */
export async function verifyContents(
  { parts, signal, find }: VerifyContext,
  paths: readonly string[],
  onProgress: VerifyStoreOptions['onProgress'],
): Promise<void> {
  let done = 0;
  // The largest first: otherwise one of them may be left for one processor in the end.
  const sizes = new Map(paths.map((path) => [path, parts.database.pathInfo(path)?.narSize ?? 0]));
  const largestFirst = paths.toSorted((a, b) => sizes.get(b)! - sizes.get(a)! || compareText(a, b));
  await eachOf(largestFirst, async (path) => {
    for (const finding of await examine(path)) find(finding);
    onProgress?.({ done: ++done, expected: paths.length });
  });

  async function examine(path: string): Promise<Finding[]> {
    const registered = parts.database.pathInfo(path);
    // No collector runs, but whoever deletes paths with force does not ask.
    if (!registered) return [];
    let examined: ExaminedPath;
    try {
      examined = await examinePath(parts, path, { signal, unhashed: 'read' });
    } catch (error) {
      return [{ kind: 'unreadable', state: 'error', path, why: whyUnreadable(error, signal) }];
    }
    const { condition, found } = examined;
    if (condition.kind === 'missing') {
      const referrers = parts.database.referrers(path).filter((referrer) => referrer !== path);
      return [{ ...condition, state: 'error', path, referrers }];
    }
    if (condition.kind !== 'good') return [{ ...condition, state: 'error', path }];
    const empty = [
      ...(isUnhashed(registered.narHash) ? (['unhashed'] as const) : []),
      ...(registered.narSize === 0 ? (['unsized'] as const) : []),
    ];
    if (!found || empty.length === 0) return [];
    await parts.database.upkeep.fill(path, found, signal);
    return empty.map((kind) => ({ kind, state: 'settled', path, ...found }));
  }
}
