import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { AirplantError, withDetails } from '../../base/errors.js';
import { ExportReader } from '../../formats/export/reader.js';
import { native } from '../../native.js';
import type { PlaceOptions } from '../place.js';
import { registerOutputs } from '../register-outputs.js';
import { restoreNar } from '../restore-nar.js';
import { createStaging } from '../staging.js';
import { realPathOf, type StoreParts } from '../store-parts.js';
import { untilAborted } from '../until-aborted.js';
import { ArrivingRoots } from './arriving-roots.js';

/** How a stream is to be imported. */
export interface ImportChoices {
  /** Called with each path once it is valid, and whether it was so before. */
  readonly onImported?: ((path: string, wasValid: boolean) => void) | undefined;
  /**
   * What to do with bytes after the end of the stream: `refuse`, the default, is an error once all paths are imported;
   * `leave` does not look, as Nix does, for a source on which something else follows.
   */
  readonly rest?: 'refuse' | 'leave' | undefined;
}

/**
 * Adds the paths of an export stream, ours or a Nix's, in constant memory, and returns them in its order. Each becomes
 * valid by itself once all of it has come: what breaks off leaves those before it, and nothing of the one at hand. A path
 * that is valid already stays as it is. No collector takes away what has come.
 *
 * As in Nix the stream is believed: it has no signatures, and no hash but that of the paths that are addressed by their
 * content, of which the outputs of derivations are looked at. What a path refers to must be valid or come before it.
 * Throws ERR_EXPORT, ERR_NAR, ERR_STORE_PATH, ERR_PATH_INVALID, ERR_DERIVATION_INVALID, and what the source throws; for all
 * of them `details.imported` is the number of paths that came through.
 */
export async function importPaths(
  parts: StoreParts,
  source: AsyncIterable<Uint8Array>,
  options: ImportChoices & PlaceOptions = {},
): Promise<string[]> {
  const reader = new ExportReader(untilAborted(source, options.signal));
  const roots = new ArrivingRoots(parts.tempRoots);
  const imported: string[] = [];
  try {
    while (await reader.next()) {
      options.signal?.throwIfAborted();
      const path = await importPath({ ...parts, tempRoots: roots.current }, reader, options);
      // Of a path that was valid before, the stream may say something else.
      await roots.arrive(path, parts.database.references(path) ?? [], options.signal);
      imported.push(path);
    }
    if (options.rest !== 'leave') await reader.end();
    return imported;
  } catch (error) {
    throw error instanceof AirplantError ? withDetails(error, { imported: imported.length }) : error;
  } finally {
    await reader.close();
    await roots.keep();
  }
}

async function importPath(
  parts: StoreParts,
  reader: ExportReader,
  options: ImportChoices & PlaceOptions,
): Promise<string> {
  const { directories, database, caseHack } = parts;
  const { signal, onImported } = options;
  const staging = await createStaging(parts);
  try {
    // Which path it is comes last.
    const copy = join(staging.directory, 'x');
    const hash = createHash('sha256');
    let narSize = 0;
    const count = (bytes: Uint8Array) => {
      signal?.throwIfAborted();
      hash.update(bytes);
      narSize += bytes.length;
    };
    await restoreNar(reader.nar(count), copy, { caseHack });
    const trailer = await reader.trailer();
    realPathOf(directories, trailer.path);
    await parts.tempRoots.add([trailer.path], signal);
    const wasValid = database.isValid(trailer.path);
    if (!wasValid) {
      await native.canonicaliseTree(copy, { signal });
      const narHash = { algorithm: 'sha256', hex: hash.digest('hex') } as const;
      const output = { ...trailer, source: copy, narHash, narSize, ultimate: false };
      await registerOutputs(parts, [output], options);
    }
    onImported?.(trailer.path, wasValid);
    return trailer.path;
  } finally {
    await staging.close();
  }
}
