import { compareBytes } from './compare-contents.js';
import type { PlacedSpot } from './line-spots.js';
import { sameRecordsInOtherOrder } from './order.js';
import { excerptOf, excerptsOf } from './spot.js';

/** Where bytes differ that are no text: an order, the ranges that differ, or one range if something was inserted. */
export function byteSpots(a: Buffer, b: Buffer): PlacedSpot[] {
  if (sameRecordsInOtherOrder(a, b)) {
    const first = compareBytes(a, b)!.first;
    return [
      {
        kind: 'order',
        start: 0,
        end: a.length,
        a: excerptOf(a, first, a.length),
        b: excerptOf(b, first, b.length),
      },
    ];
  }
  if (a.length === b.length) {
    return compareBytes(a, b)!.ranges.map((range) => ({ kind: 'bytes' as const, ...range }));
  }
  const start = compareBytes(a, b)!.first;
  return [{ kind: 'bytes', start, end: Math.max(a.length, start + 1), ...excerptsOf(a, b) }];
}
