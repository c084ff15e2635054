import { AirplantError } from '../../base/errors.js';
import type { NarEvent } from './event.js';
import { NarParser } from './parser.js';

/** What a NAR holds and where, as binary caches publish it in `<hash part>.ls`. */
export interface NarListing {
  readonly version: 1;
  readonly root: ListedNode;
}

export type ListedNode =
  | {
      readonly type: 'regular';
      readonly size: number;
      readonly executable: boolean;
      /** Offset of the contents in the NAR, in bytes. */
      readonly narOffset: number;
    }
  | { readonly type: 'symlink'; readonly target: string }
  /** In the order of the NAR: by the bytes of the names. */
  | { readonly type: 'directory'; readonly entries: ReadonlyMap<string, ListedNode> };

/** The listing of the NAR the source holds, in one pass. Throws ERR_NAR. */
export async function listNar(source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<NarListing> {
  const lister = new NarLister();
  for await (const chunk of source) lister.push(chunk);
  return lister.end();
}

/** Makes the listing while the chunks of a NAR pass by on their way elsewhere. */
export class NarLister {
  readonly #parser = new NarParser((event) => this.#onEvent(event));
  #root: ListedNode | undefined;
  readonly #open: Map<string, ListedNode>[] = [];
  #name = '';
  /** About how much memory the listing takes. */
  #weight = 0;

  /** Throws ERR_NAR; also for a NAR that holds so many names that the listing takes too much memory. */
  push(chunk: Uint8Array): void {
    this.#parser.push(chunk);
  }

  /** Passes over what is left of the contents at hand, and returns how many bytes that is. */
  skipContents(): number {
    return this.#parser.skipContents();
  }

  /** Throws ERR_NAR when the NAR is not complete. */
  end(): NarListing {
    this.#parser.end();
    return { version: 1, root: this.#root! };
  }

  #onEvent(event: NarEvent): void {
    switch (event.kind) {
      case 'entry':
        this.#name = event.name;
        break;
      case 'regular': {
        const { size, executable } = event;
        // The event comes when the size has just been read, so this is where the contents start.
        this.#add({ type: 'regular', size, executable, narOffset: this.#parser.offset });
        break;
      }
      case 'symlink':
        this.#add({ type: 'symlink', target: event.target });
        break;
      case 'directory': {
        const entries = new Map<string, ListedNode>();
        this.#add({ type: 'directory', entries });
        this.#open.push(entries);
        break;
      }
      case 'directory-end':
        this.#open.pop();
        break;
    }
  }

  #add(node: ListedNode): void {
    this.#weight += nodeWeight + this.#name.length + (node.type === 'symlink' ? node.target.length : 0);
    if (this.#weight > largestListing) throw tooMany(this.#parser.offset);
    const directory = this.#open.at(-1);
    if (directory) directory.set(this.#name, node);
    else this.#root = node;
  }
}

/** Bytes an entry takes without its name. */
const nodeWeight = 128;
/** About a million files; the largest paths there are have a few hundred thousand. */
const largestListing = 160 * 1024 * 1024;

function tooMany(offset: number): AirplantError {
  return new AirplantError(
    'ERR_NAR',
    `byte ${offset} of the NAR: it holds more names than ${largestListing} bytes of memory`,
    { hint: 'Unpack it with `airplant nar restore`, which takes no memory.', details: { offset } },
  );
}

/**
 * The JSON of a listing, the same text Nix 2.8 writes. Bytes that are not UTF-8, which JSON cannot hold, come out as
 * the escaped lone surrogates `\udc80`..`\udcff` of base/text.ts. Nested no deeper than a NAR can be.
 */
export function formatListing(listing: NarListing): string {
  return `{"version":1,"root":${formatNode(listing.root)}}`;
}

function formatNode(node: ListedNode): string {
  if (node.type === 'symlink') return JSON.stringify({ type: node.type, target: node.target });
  if (node.type === 'regular') {
    const executable = node.executable ? { executable: true } : {};
    return JSON.stringify({ type: node.type, size: node.size, ...executable, narOffset: node.narOffset });
  }
  // Not an object for JSON.stringify: that would put names like `10` first.
  const entries = Array.from(node.entries, ([name, child]) => `${JSON.stringify(name)}:${formatNode(child)}`);
  return `{"type":"directory","entries":{${entries.join(',')}}}`;
}
