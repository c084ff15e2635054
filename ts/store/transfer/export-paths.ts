import { createHash } from 'node:crypto';
import { AirplantError } from '../../base/errors.js';
import { quote } from '../../base/quote.js';
import { endOfExport, pathTrailer, startOfPath } from '../../formats/export/write.js';
import { formatHash, type Hash } from '../../formats/hash.js';
import type { CancelOptions } from '../../native.js';
import { invalidPath } from '../database.js';
import { dumpChunks } from '../dump-chunks.js';
import { realPathOf, type StoreParts, storeError } from '../store-parts.js';

/**
 * The paths as one stream, byte for byte that of `nix-store --export`: exactly these, each once, references first. In
 * constant memory. What has changed on the disk since it was registered is not given away: the stream breaks off before
 * such a path is named.
 *
 * No collector takes any of them away before it has passed. Throws ERR_PATH_INVALID before the first byte for a path that
 * is not valid, ERR_PATH_MODIFIED, and what the operating system says.
 */
export async function* exportPaths(
  parts: StoreParts,
  paths: Iterable<string>,
  { signal }: CancelOptions = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  const { database, directories, tempRoots } = parts;
  const wanted = [...new Set(paths)];
  for (const path of wanted) realPathOf(directories, path);
  await tempRoots.add(wanted, signal);
  for (const path of database.topologicalSort(wanted)) yield* exportPath(parts, path, signal);
  yield endOfExport;
}

async function* exportPath(
  { database, directories, caseHack }: StoreParts,
  path: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  const info = database.pathInfo(path);
  if (!info) throw invalidPath(path);
  const hash = createHash('sha256');
  yield startOfPath;
  try {
    for await (const chunk of dumpChunks(realPathOf(directories, path), { signal, caseHack })) {
      hash.update(chunk);
      yield chunk;
    }
  } catch (error) {
    throw storeError(error, `exporting ${quote(path)}`);
  }
  const found: Hash = { algorithm: 'sha256', hex: hash.digest('hex') };
  // All zeros is what stores of Nix before 0.11 have.
  if (found.hex !== info.narHash.hex && !/^0+$/.test(info.narHash.hex))
    throw changed(path, info.narHash, found);
  yield pathTrailer(info);
}

function changed(path: string, registered: Hash, found: Hash): AirplantError {
  const [from, to] = [registered, found].map((hash) => formatHash(hash, 'base32'));
  return new AirplantError(
    'ERR_PATH_MODIFIED',
    `hash of path '${path}' has changed from '${from}' to '${to}'!`,
    {
      details: { path, expected: from, found: to },
    },
  );
}
