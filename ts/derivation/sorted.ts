import { compareText } from '../base/text.js';

/** Maps and sets in the order Nix keeps them in, that of the bytes of the key; of equal keys the last stays. */
export function sortedMap<Value>(entries: Iterable<readonly [string, Value]>): Map<string, Value> {
  return new Map([...new Map(entries)].sort(([a], [b]) => compareText(a, b)));
}

/** Each item once. Nearly everything is sorted already, and then the array itself is returned. */
export function sortedSet(items: readonly string[]): readonly string[] {
  for (let i = 1; i < items.length; i++) {
    if (compareText(items[i - 1]!, items[i]!) >= 0) return [...new Set(items)].sort(compareText);
  }
  return items;
}
