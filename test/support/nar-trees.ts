import fc from 'fast-check';
import { decodeText } from '../../ts/base/text.js';
import type { NarEvent } from '../../ts/formats/nar/event.js';
import type { NarTree } from '../../ts/formats/nar/tree.js';

/** The tree the events of one NAR describe. */
export async function treeOf(events: AsyncIterable<NarEvent> | Iterable<NarEvent>): Promise<NarTree> {
  const open: Map<string, NarTree>[] = [];
  let name = '';
  let root: NarTree | undefined;
  let file: { executable: boolean; chunks: Buffer[] } | undefined;
  const add = (node: NarTree) => {
    const directory = open.at(-1);
    if (directory) directory.set(name, node);
    else root = node;
  };
  for await (const event of events) {
    if (event.kind === 'entry') name = event.name;
    else if (event.kind === 'symlink') add({ type: 'symlink', target: event.target });
    else if (event.kind === 'regular') file = { executable: event.executable, chunks: [] };
    else if (event.kind === 'data') file!.chunks.push(Buffer.from(event.chunk));
    else if (event.kind === 'regular-end')
      add({ type: 'regular', executable: file!.executable, contents: Buffer.concat(file!.chunks) });
    else if (event.kind === 'directory-end') open.pop();
    else {
      const entries = new Map<string, NarTree>();
      add({ type: 'directory', entries });
      open.push(entries);
    }
  }
  return root!;
}

const anyBytes = fc.oneof(
  fc.uint8Array({ minLength: 1, maxLength: 20 }),
  fc.string({ minLength: 1, maxLength: 12, unit: 'grapheme' }).map((text) => Buffer.from(text)),
);

/** Any name an entry can have, often not UTF-8. */
export const anyEntryName: fc.Arbitrary<string> = anyBytes
  .map((bytes) => decodeText(bytes.map((byte) => (byte === 0 || byte === 0x2f ? 0x2d : byte))))
  .filter((name) => name !== '.' && name !== '..');

const anyTarget: fc.Arbitrary<string> = anyBytes.map((bytes) => decodeText(bytes.map((byte) => byte || 1)));

/** Small trees of all sorts. */
export const anyTree: fc.Arbitrary<NarTree> = fc.letrec<{ tree: NarTree }>((tie) => ({
  tree: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.record({
      type: fc.constant('regular' as const),
      executable: fc.boolean(),
      contents: fc.uint8Array({ maxLength: 40 }),
    }),
    fc.record({ type: fc.constant('symlink' as const), target: anyTarget }),
    fc.record({
      type: fc.constant('directory' as const),
      entries: fc.array(fc.tuple(anyEntryName, tie('tree')), { maxLength: 5 }).map((list) => new Map(list)),
    }),
  ),
})).tree;

/** Cuts bytes into chunks, at any places, with empty chunks too. */
export function cut(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const sorted = places.map((place) => place % (bytes.length + 1)).sort((a, b) => a - b);
  return [0, ...sorted].map((start, i) => bytes.subarray(start, sorted[i] ?? bytes.length));
}
