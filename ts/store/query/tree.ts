import type { QueryStore } from './query-store.js';

/** One line of a tree: a path, and how it hangs on those above. */
export interface TreeLine {
  readonly path: string;
  /** For each level below the root: whether the ancestor on that level, or the path itself, is the last one there. */
  readonly lastOnLevel: readonly boolean[];
  /** It has been shown before, with everything below it. */
  readonly repeated: boolean;
}

/**
 * What the paths refer to as trees, each path with what it refers to the first time it is met, whatever tree that is in.
 * The order is Nix's: of what a path refers to, references first, which keeps trees flat. Throws ERR_PATH_INVALID.
 */
export function* referenceTrees(store: QueryStore, paths: Iterable<string>): Generator<TreeLine> {
  const shown = new Set<string>();
  for (const root of paths) {
    // The next line is on top: the depth of a graph is anybody's choice.
    const pending: Omit<TreeLine, 'repeated'>[] = [{ path: root, lastOnLevel: [] }];
    for (let line = pending.pop(); line; line = pending.pop()) {
      const { path, lastOnLevel } = line;
      const repeated = shown.has(path);
      yield { ...line, repeated };
      if (repeated) continue;
      shown.add(path);
      const references = store.topologicalSort(store.references(path));
      for (const [index, reference] of references.toReversed().entries())
        pending.push({ path: reference, lastOnLevel: [...lastOnLevel, index === 0] });
    }
  }
}

/** A line as `nix-store --query --tree` prints it. */
export function formatTreeLine({ path, lastOnLevel, repeated }: TreeLine): string {
  const pads = lastOnLevel.slice(0, -1).map((last) => (last ? '    ' : '│   '));
  const own = lastOnLevel.length === 0 ? '' : lastOnLevel.at(-1) ? '└───' : '├───';
  return `${pads.join('')}${own}${path}${repeated ? ' [...]' : ''}\n`;
}
