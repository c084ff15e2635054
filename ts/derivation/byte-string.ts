/**
 * True for a string that stands for bytes (base/text.ts): its only lone surrogates, if any, are U+DC80..U+DCFF.
 */
export function isByteString(text: string): boolean {
  return text.isWellFormed() || !/[\u{d800}-\u{dc7f}\u{dd00}-\u{dfff}]/u.test(text);
}
