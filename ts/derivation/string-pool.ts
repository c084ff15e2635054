/**
 * One copy of each string out of many texts. V8 keeps the whole text alive for a part of it that is in use, and
 * derivations name the same paths again and again: of ten thousand, most memory would go into that.
 */
export class StringPool {
  readonly #known = new Map<string, string>();

  /** The same string, on its own. */
  own(part: string): string {
    // V8 copies what is shorter (SlicedString::kMinLength). Long ones are never the same.
    if (part.length < 13 || part.length > longest) return part;
    const known = this.#known.get(part);
    if (known !== undefined) return known;
    if (!isAscii.test(part)) return part;
    const copy = Buffer.from(part, 'latin1').toString('latin1');
    if (this.#known.size >= most) this.#known.clear();
    this.#known.set(copy, copy);
    return copy;
  }
}

const longest = 512;
const most = 65_536;
const isAscii = /^[\0-\x7f]*$/;
