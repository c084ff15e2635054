import { compareText } from '../../base/text.js';
import type { NarEvent } from '../../formats/nar/event.js';
import { compareContents, type WholeContents } from './compare-contents.js';
import type { Side, TreeDifference } from './difference.js';
import { EventReader, isNode } from './event-reader.js';

/** A difference, and the bytes of both files where they are short enough to be decoded. */
export interface FoundDifference {
  readonly difference: TreeDifference;
  readonly whole?: WholeContents;
}

/**
 * Walks two trees side by side and gives everything that differs, in the order of a NAR. Both are given as the events
 * of their NAR (`store/read-tree.ts`), so each is read once, and in bounded memory. How many differences are worth
 * keeping is for the caller to say, who may stop after any of them.
 *
 * Throws what the sources throw.
 */
export async function* compareTrees(
  a: AsyncIterable<NarEvent>,
  b: AsyncIterable<NarEvent>,
): AsyncGenerator<FoundDifference, void, undefined> {
  const readers = { a: new EventReader(a), b: new EventReader(b) };
  try {
    yield* walk(readers);
  } finally {
    await Promise.all([readers.a.close(), readers.b.close()]);
  }
}

/** Both readers are always in the same directory, before an entry or the node of one of the same name. */
async function* walk(readers: Record<Side, EventReader>): AsyncGenerator<FoundDifference, void, undefined> {
  const { a, b } = readers;
  /** Where the node at hand is: one name for each directory it lies in, and its own. */
  const names: string[] = [];
  const takeBoth = () => Promise.all([a.take(), b.take()]);
  for (;;) {
    const [left, right] = await Promise.all([a.peek(), b.peek()]);
    if (!left || !right) return;
    if (isNode(left) && isNode(right)) {
      if (left.kind === 'directory' && right.kind === 'directory') {
        await takeBoth();
        continue;
      }
      const found = await compareNodes(readers, names.join('/'));
      if (found) yield found;
      names.pop();
    } else if (left.kind === 'directory-end' && right.kind === 'directory-end') {
      await takeBoth();
      names.pop();
    } else {
      const order = compareEntries(left, right);
      if (order === 0) {
        await takeBoth();
        names.push(entryName(left)!);
        continue;
      }
      const side = order < 0 ? 'a' : 'b';
      const name = entryName((await readers[side].take())!)!;
      const path = [...names, name].join('/');
      yield { difference: { kind: 'only-in', path, side, ...(await readers[side].skipNode()) } };
    }
  }
}

/** Which side's next entry comes first; a directory that has ended comes last. */
function compareEntries(a: NarEvent, b: NarEvent): number {
  const [left, right] = [entryName(a), entryName(b)];
  if (left === undefined) return 1;
  return right === undefined ? -1 : compareText(left, right);
}

function entryName(event: NarEvent): string | undefined {
  return event.kind === 'entry' ? event.name : undefined;
}

/** Takes one node from each side, not both of which are directories. */
async function compareNodes(
  { a, b }: Record<Side, EventReader>,
  path: string,
): Promise<FoundDifference | undefined> {
  const [left, right] = [(await a.peek())!, (await b.peek())!];
  if (left.kind === 'regular' && right.kind === 'regular') {
    await Promise.all([a.take(), b.take()]);
    const size = { a: left.size, b: right.size };
    const { contents, whole } = await compareContents(a.takeContents(), b.takeContents(), size);
    const sameMode = left.executable === right.executable;
    if (!contents && sameMode) return undefined;
    const difference = {
      kind: 'file' as const,
      path,
      size,
      ...(sameMode ? {} : { executable: { a: left.executable, b: right.executable } }),
      ...(contents ? { contents } : {}),
    };
    return whole ? { difference, whole } : { difference };
  }
  const [{ type }, { type: other }] = await Promise.all([a.skipNode(), b.skipNode()]);
  if (left.kind !== 'symlink' || right.kind !== 'symlink')
    return { difference: { kind: 'type', path, a: type, b: other } };
  if (left.target === right.target) return undefined;
  return { difference: { kind: 'target', path, a: left.target, b: right.target } };
}
