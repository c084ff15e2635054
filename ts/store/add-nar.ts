import { createHash } from 'node:crypto';
import { AirplantError } from '../base/errors.js';
import { quote } from '../base/quote.js';
import { formatHash } from '../formats/hash.js';
import { readNar } from '../formats/nar/read.js';
import { native } from '../native.js';
import { addMade } from './add-made.js';
import type { PathInfo } from './path-info.js';
import type { PlaceOptions } from './place.js';
import { restoreNar } from './restore-nar.js';
import type { StoreParts } from './store-parts.js';
import { untilAborted } from './until-aborted.js';

/** A path of another store. */
export interface NarToAdd {
  /** What that store knows of it; whether it is to be believed is for the caller to decide. */
  readonly info: PathInfo;
  /** The NAR, uncompressed. Not read at all if the path is valid already. */
  readonly source: AsyncIterable<Uint8Array>;
}

/**
 * Adds a path from its NAR, in constant memory. Nothing is moved into place before hash and size have been found to
 * be those of `info`, and a source that is longer is not read to its end. Throws ERR_NAR, ERR_PATH_INVALID (a
 * reference is not valid), ERR_DERIVATION_INVALID, and what the source throws.
 */
export async function addNar(
  parts: StoreParts,
  { info, source }: NarToAdd,
  options: PlaceOptions = {},
): Promise<PathInfo> {
  const { signal } = options;
  const make = async (destination: string) => {
    const { caseHack } = parts;
    await restoreNar(readNar(checked(info, source, signal)), destination, { caseHack });
    await native.canonicaliseTree(destination, { signal });
  };
  return await addMade(parts, info, { ...options, make });
}

/** The same bytes; an error as soon as they cannot be those `info` speaks of. */
async function* checked(
  { path, narHash, narSize }: PathInfo,
  source: AsyncIterable<Uint8Array>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  const hash = createHash('sha256');
  let size = 0;
  for await (const chunk of untilAborted(source, signal)) {
    size += chunk.length;
    if (size > narSize) throw mismatch(path, `it is longer than the ${narSize} bytes specified`);
    hash.update(chunk);
    yield chunk;
  }
  if (size < narSize) throw mismatch(path, `it has ${size} bytes, not the ${narSize} specified`);
  const hex = hash.digest('hex');
  if (hex === narHash.hex) return;
  const got = formatHash({ algorithm: 'sha256', hex }, 'base32');
  throw mismatch(path, `its hash is ${got}, not the ${formatHash(narHash, 'base32')} specified`);
}

function mismatch(path: string, why: string): AirplantError {
  return new AirplantError('ERR_NAR', `the archive of ${quote(path, 300)} is not the one expected: ${why}`, {
    hint: 'It was damaged on its way, or the store it comes from is.',
    details: { path },
  });
}
