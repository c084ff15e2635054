import { compareText } from '../../base/text.js';
import type { NarEvent } from './event.js';
import { NarWriter } from './write.js';

/** A small file system object in memory. Entries may be in any order. */
export type NarTree =
  | { readonly type: 'regular'; readonly executable: boolean; readonly contents: Uint8Array }
  | { readonly type: 'symlink'; readonly target: string }
  | { readonly type: 'directory'; readonly entries: ReadonlyMap<string, NarTree> };

/** The NAR of a tree. Throws ERR_NAR for names and targets a NAR cannot hold, and for too deep a tree. */
export function dumpTree(tree: NarTree): Buffer {
  const chunks: Uint8Array[] = [];
  const writer = new NarWriter((chunk) => chunks.push(chunk));
  for (const event of treeEvents(tree)) writer.write(event);
  writer.end();
  return Buffer.concat(chunks);
}

/** The events of a tree, entries sorted by their bytes. */
export function* treeEvents(tree: NarTree): Generator<NarEvent, void, undefined> {
  const pending: (NarTree | NarEvent)[] = [tree];
  for (let next = pending.pop(); next; next = pending.pop()) {
    if ('kind' in next) {
      yield next;
    } else if (next.type === 'symlink') {
      yield { kind: 'symlink', target: next.target };
    } else if (next.type === 'regular') {
      yield { kind: 'regular', executable: next.executable, size: next.contents.length };
      if (next.contents.length > 0) yield { kind: 'data', chunk: next.contents };
      yield { kind: 'regular-end' };
    } else {
      yield { kind: 'directory' };
      pending.push({ kind: 'directory-end' });
      const lastFirst = [...next.entries].sort(([a], [b]) => compareText(b, a));
      for (const [name, child] of lastFirst) pending.push(child, { kind: 'entry', name });
    }
  }
}
