import { lstatSync } from 'node:fs';
import { basename } from 'node:path';
import { AirplantError } from '../base/errors.js';
import { quote } from '../base/quote.js';
import { parseContentAddress } from '../formats/content-address.js';
import { formatHash, type Hash, sameHash } from '../formats/hash.js';
import { hashPartLength } from '../formats/store-path.js';
import { type CancelOptions, native } from '../native.js';
import { addMade } from './add-made.js';
import { contentHash } from './content-hash.js';
import type { PathInfo } from './path-info.js';
import type { PlaceOptions } from './place.js';
import { type StoreParts, storeError } from './store-parts.js';

/** A path that somebody else has. */
export interface PathToFetch {
  /** What is said of it; whether that is to be believed is for the caller to decide. */
  readonly info: PathInfo;
  /** Puts the contents at `destination`, which does not exist; modes and times do not matter. */
  fetch(destination: string): Promise<void>;
}

/**
 * Adds a path that `fetch` brings, which is not called for what is valid already. What has come is read from the disk,
 * and nothing is moved into place before it is what `info` says, its content address included.
 * Throws as `checkFetched`, what `fetch` throws, and as `addMade`.
 */
export async function fetchPath(
  parts: StoreParts,
  { info, fetch }: PathToFetch,
  options: PlaceOptions = {},
): Promise<PathInfo> {
  const { signal } = options;
  const make = async (destination: string) => {
    await fetch(destination);
    await checkFetched(parts, info, destination, { signal });
  };
  return await addMade(parts, info, { ...options, make });
}

/**
 * Makes contents canonical and compares them with what is said of them. Throws ERR_SUBSTITUTE with Nix's messages,
 * which have both hashes.
 */
export async function checkFetched(
  { caseHack }: Pick<StoreParts, 'caseHack'>,
  info: PathInfo,
  place: string,
  { signal }: CancelOptions,
): Promise<void> {
  const { path, narHash, narSize } = info;
  try {
    await native.canonicaliseTree(place, { signal });
    const found = await native.hashTree(place, [], { signal, caseHack });
    const actual: Hash = { algorithm: 'sha256', hex: found.hash };
    if (!sameHash(actual, narHash)) throw mismatch('hash mismatch', path, narHash, actual);
    if (found.narSize !== narSize) throw mismatch('size mismatch', path, narSize, found.narSize);
    await checkContentAddress(info, place, { actual, caseHack, signal });
  } catch (error) {
    throw storeError(error, `importing path ${quote(path, longestPath)}`);
  }
}

/** `actual` is the hash of the NAR. */
async function checkContentAddress(
  { path, references, contentAddress }: PathInfo,
  place: string,
  options: { readonly actual: Hash; readonly caseHack: boolean; readonly signal: AbortSignal | undefined },
): Promise<void> {
  if (contentAddress === undefined) return;
  const { method, hash } = parseContentAddress(contentAddress);
  if (method === 'git') {
    throw new AirplantError('ERR_UNSUPPORTED', `${quote(path, longestPath)} is addressed as a git tree`);
  }
  if (method !== 'nar' && !isPlainFile(place)) {
    throw new AirplantError(
      'ERR_SUBSTITUTE',
      `${quote(path, longestPath)} is said to be a plain file, and is not: its content address would not cover it`,
      { details: { path } },
    );
  }
  const { actual, ...rest } = options;
  const { algorithm } = hash;
  const self = references.includes(path) ? hashPartOf(path) : undefined;
  const content =
    method === 'nar' && algorithm === 'sha256' && self === undefined
      ? actual
      : await contentHash(place, { method, algorithm, self, ...rest });
  if (!sameHash(content, hash)) throw mismatch('ca hash mismatch', path, hash, content);
}

function hashPartOf(path: string): string {
  return basename(path).slice(0, hashPartLength);
}

function isPlainFile(place: string): boolean {
  const stats = lstatSync(place);
  return stats.isFile() && (stats.mode & 0o100) === 0;
}

/** PATH_MAX: Nix's messages give paths in full. */
const longestPath = 4096;

function mismatch(what: string, path: string, specified: Hash | number, got: Hash | number): AirplantError {
  const text = (value: Hash | number) =>
    typeof value === 'number' ? `${value}` : formatHash(value, 'base32');
  return new AirplantError(
    'ERR_SUBSTITUTE',
    `${what} importing path ${quote(path, longestPath)};\n  specified: ${text(specified)}\n  got:       ${text(got)}`,
    {
      hint: 'It was damaged on its way, or where it comes from.',
      details: { path, specified: text(specified), got: text(got) },
    },
  );
}
