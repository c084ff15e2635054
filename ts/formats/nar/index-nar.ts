import { AirplantError } from '../../base/errors.js';
import type { ByteRanges } from './byte-ranges.js';
import { NarLister, type NarListing } from './listing.js';

/**
 * The listing of a NAR in one pass that reads little but names: large contents are passed over. Everything but those is
 * checked as strictly as by a reader of the whole. Throws ERR_NAR, and what the source throws.
 */
export async function indexNar(source: ByteRanges): Promise<NarListing> {
  const lister = new NarLister();
  let length = shortBlock;
  for (let at = 0; at < source.size; ) {
    const block = await source.read(at, Math.min(length, source.size - at));
    lister.push(block);
    const skipped = lister.skipContents();
    at += block.length + skipped;
    if (at > source.size) throw cutShort(source.size, at);
    // Where contents are small, they are read along: that takes fewer reads.
    length = skipped > 0 ? shortBlock : Math.min(length * 4, longBlock);
  }
  return lister.end();
}

const shortBlock = 4 * 1024;
const longBlock = 256 * 1024;

function cutShort(size: number, end: number): AirplantError {
  return new AirplantError(
    'ERR_NAR',
    `byte ${size} of the NAR: expected ${end - size} more bytes of file contents, found its end`,
    { details: { offset: size } },
  );
}
