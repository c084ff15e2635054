/**
 * A NAR as the events of one walk. Names and targets are byte strings (base/text.ts).
 *
 * A node is one of
 * - `regular`, any number of `data` with together `size` bytes, `regular-end`;
 * - `symlink`;
 * - `directory`, any number of (`entry`, node) with names strictly increasing by their bytes, `directory-end`.
 */
export type NarEvent =
  | { readonly kind: 'regular'; readonly executable: boolean; readonly size: number }
  /** Never empty. May be a view of the source's chunk: good until the next one is asked for. */
  | { readonly kind: 'data'; readonly chunk: Uint8Array }
  | { readonly kind: 'regular-end' }
  | { readonly kind: 'symlink'; readonly target: string }
  | { readonly kind: 'directory' }
  | { readonly kind: 'entry'; readonly name: string }
  | { readonly kind: 'directory-end' };

/** First string of every NAR. */
export const narMagic = 'nix-archive-1';

/** Limits of Nix 2.36, in bytes; depth counts nodes that are inside one another, the root being 1. */
export const narLimits = { tag: 32, name: 255, target: 4095, depth: 64 } as const;

/** What an entry name must be and this one, of so many bytes, is not; or undefined. Holds for reading and writing. */
export function whyNotEntryName(name: string, byteLength: number): string | undefined {
  if (byteLength > narLimits.name) return `of at most ${narLimits.name} bytes`;
  if (name === '' || name === '.' || name === '..') return 'other than `.`, `..` and the empty one';
  if (/[/\0]/.test(name)) return 'without `/` or NUL';
  return undefined;
}

/** The same for the target of a symlink. */
export function whyNotLinkTarget(target: string, byteLength: number): string | undefined {
  if (byteLength > narLimits.target) return `of at most ${narLimits.target} bytes`;
  if (target === '') return 'other than the empty one';
  if (target.includes('\0')) return 'without NUL';
  return undefined;
}
