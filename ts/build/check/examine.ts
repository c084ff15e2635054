import { isUtf8 } from 'node:buffer';
import { encodeText } from '../../base/text.js';
import { byteSpots } from './byte-spots.js';
import type { WholeContents } from './compare-contents.js';
import { formats } from './decode/formats.js';
import type { Part } from './decode/part.js';
import { lineSpots, type PlacedSpot } from './line-spots.js';
import { excerptOf, excerptsOf, mostSpots, type Spot } from './spot.js';

/** What was found out about a file that differs. */
export interface Examined {
  /** `ELF`, `ar`, `gzip`, `zip`, `pyc`, `tar`, `text`, or `bytes` for everything else. */
  readonly format: string;
  readonly spots: readonly Spot[];
  /** False where there are more than `mostSpots`, or more to decode than is worth it. */
  readonly complete: boolean;
}

/** Archives in archives that are opened. */
const mostNested = 4;
/** Bytes of both sides that are looked at altogether, what archives inflate to included. */
const mostExamined = 256 * 1024 * 1024;
/** Bytes that one part may inflate to. */
const mostInflated = 64 * 1024 * 1024;

/**
 * Decodes two files as far as their format is known, and finds the places that differ. Pure, and bounded in time and
 * memory whatever the bytes are. Parts that are computed from others are left out where the others differ, too.
 */
export function examine({ a, b }: WholeContents): Examined {
  const examination = new Examination();
  const format = examination.contents(a, b, []);
  return { format, spots: examination.spots, complete: examination.complete };
}

class Examination {
  readonly spots: Spot[] = [];
  complete = true;
  #budget = mostExamined;

  /** Looks at bytes that differ, and says as what. */
  contents(a: Buffer, b: Buffer, trail: readonly string[], strings = false): string {
    if (!this.#affords(a, b)) return 'bytes';
    const before = this.spots.length;
    if (trail.length < mostNested) {
      for (const { name, read } of formats) {
        const left = read(a);
        const right = left && read(b);
        if (!left || !right) continue;
        this.#parts(left, right, trail);
        // Padding, headers: bytes that belong to no part.
        if (this.spots.length === before && this.complete) this.#add(byteSpots(a, b), trail);
        return name;
      }
    }
    const isText = !strings && isUtf8(a) && isUtf8(b) && !a.includes(0) && !b.includes(0);
    const lines = isText || strings ? lineSpots(a, b, strings ? 0 : newline) : undefined;
    // No line differs where only the end of the last one does.
    this.#add(lines && lines.length > 0 ? lines : byteSpots(a, b), trail);
    return isText ? 'text' : 'bytes';
  }

  #parts(a: readonly Part[], b: readonly Part[], trail: readonly string[]): void {
    const [left, right] = [byName(a), byName(b)];
    const names = [...left.keys()];
    const common = names.filter((name) => right.has(name));
    const others = [...right.keys()].filter((name) => left.has(name));
    if (common.some((name, i) => name !== others[i])) {
      const [one, other] = [common, others].map((list) => encodeText(list.join('\n')));
      const excerpts = excerptsOf(one!, other!);
      this.#add([{ kind: 'order', start: 0, end: 1, ...excerpts }], trail);
    }
    for (const name of names) if (!right.has(name)) this.#add([onlyIn('a', name)], trail);
    for (const name of right.keys()) if (!left.has(name)) this.#add([onlyIn('b', name)], trail);
    const before = this.spots.length;
    const pairs = common.map((name) => [left.get(name)!, right.get(name)!, [...trail, clip(name)]] as const);
    for (const [one, other, place] of pairs) {
      this.#fields(one, other, place);
      if (!one.derived) this.#raw(one, other, place);
    }
    if (this.spots.length > before) return;
    for (const [one, other, place] of pairs) if (one.derived) this.#raw(one, other, place);
    for (let i = before; i < this.spots.length; i++) this.spots[i] = { ...this.spots[i]!, derived: true };
  }

  #fields(a: Part, b: Part, trail: readonly string[]): void {
    for (const field of new Set([...Object.keys(a.fields), ...Object.keys(b.fields)])) {
      const [one, other] = [a.fields[field] ?? '', b.fields[field] ?? ''];
      if (one === other) continue;
      const excerpts = excerptsOf(encodeText(one), encodeText(other));
      this.#add([{ kind: 'field', field, start: 0, end: 1, ...excerpts }], trail);
    }
  }

  #raw(a: Part, b: Part, trail: readonly string[]): void {
    // Parts may overlap, and so be more together than the file.
    if (!this.#affords(a.raw, b.raw) || a.raw.equals(b.raw)) return;
    const left = a.inflate?.(mostInflated);
    const right = left && b.inflate?.(mostInflated);
    if (left && right && !left.equals(right)) this.contents(left, right, trail);
    else if (left && right) this.#add(byteSpots(a.raw, b.raw), [...trail, 'compressed form']);
    else this.contents(a.raw, b.raw, trail, a.strings === true && b.strings === true);
  }

  #affords(a: Buffer, b: Buffer): boolean {
    this.#budget -= a.length + b.length;
    if (this.#budget < 0 || this.spots.length >= mostSpots) this.complete = false;
    return this.#budget >= 0 && this.spots.length < mostSpots;
  }

  #add(spots: readonly PlacedSpot[], trail: readonly string[]): void {
    const room = mostSpots - this.spots.length;
    if (spots.length > room) this.complete = false;
    this.spots.push(...spots.slice(0, Math.max(0, room)).map((spot) => ({ ...spot, trail })));
  }
}

const newline = 10;

/** Parts by their names; the second of the same name is called `name (2)`. */
function byName(parts: readonly Part[]): Map<string, Part> {
  const named = new Map<string, Part>();
  const counts = new Map<string, number>();
  for (const part of parts) {
    const count = (counts.get(part.name) ?? 0) + 1;
    counts.set(part.name, count);
    named.set(count === 1 ? part.name : `${part.name} (${count})`, part);
  }
  return named;
}

function onlyIn(side: 'a' | 'b', name: string): PlacedSpot {
  const bytes = encodeText(name);
  return { kind: 'only-in', start: 0, end: 1, [side]: excerptOf(bytes, 0, bytes.length) };
}

/** Names in archives can be as long as the archive. */
function clip(name: string): string {
  return name.length <= longestName ? name : `${name.slice(0, longestName)}…`;
}

const longestName = 512;
