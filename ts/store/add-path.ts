import { lstatSync } from 'node:fs';
import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import { AirplantError } from '../base/errors.js';
import { quote } from '../base/quote.js';
import { formatContentAddress } from '../formats/content-address.js';
import type { ContentMethod, Hash, HashAlgorithm } from '../formats/hash.js';
import { makeFixedOutputPath } from '../formats/make-store-path.js';
import { checkName } from '../formats/store-path.js';
import { native } from '../native.js';
import { contentHash } from './content-hash.js';
import { copyFiltered, type SourceFilter } from './copy-filtered.js';
import type { PathInfo } from './path-info.js';
import { type PlaceOptions, placeAndRegister } from './place.js';
import { createStaging } from './staging.js';
import type { StoreParts } from './store-parts.js';

/** A file or tree of the host to be added under an address of its content. */
export interface PathToAdd {
  readonly name: string;
  /** Path on the host. */
  readonly source: string;
  /** Default `nar`, which is Nix's `--recursive`; `flat` takes a regular file. */
  readonly method?: Extract<ContentMethod, 'flat' | 'nar'> | undefined;
  /** Default sha256. */
  readonly algorithm?: HashAlgorithm | undefined;
  /** Which files below `source` to take; all without it. */
  readonly filter?: SourceFilter | undefined;
  /** Full logical store paths the content refers to; it is not scanned for them. */
  readonly references?: readonly string[] | undefined;
}

/**
 * Copies a tree into the store. It is hashed as copied, in a private place: a source that changes meanwhile may
 * give one path or another, but never one with a wrong hash.
 *
 * Throws ERR_NAME, ERR_UNSUPPORTED_FILE (a device, socket or FIFO; or, flat, anything but a regular file),
 * ERR_FILE (no such source), ERR_DISK_FULL, the reason of an aborted signal.
 */
export async function addPath(
  parts: StoreParts,
  path: PathToAdd,
  options: PlaceOptions = {},
): Promise<PathInfo> {
  checkName(path.name);
  const { method = 'nar', algorithm = 'sha256', references = [] } = path;
  const { signal } = options;
  const staging = await createStaging(parts);
  try {
    const copy = join(staging.directory, 'x');
    await copySource(path, copy, signal);
    if (method === 'flat') await makePlain(path.source, copy);
    await native.canonicaliseTree(copy, { signal });
    const { caseHack } = parts;
    const nar = await native.hashTree(copy, [], { signal, caseHack });
    const narHash: Hash = { algorithm: 'sha256', hex: nar.hash };
    const hash =
      method === 'nar' && algorithm === 'sha256'
        ? narHash
        : await contentHash(copy, { method, algorithm, signal, caseHack });
    const storePath = makeFixedOutputPath(parts.directories.storeDir, {
      name: path.name,
      method,
      hash,
      references,
    });
    const info: PathInfo = {
      path: storePath,
      narHash,
      narSize: nar.narSize,
      references,
      registrationTime: 0,
      ultimate: false,
      signatures: [],
      contentAddress: formatContentAddress({ method, hash }),
    };
    const [added] = await placeAndRegister(parts, [info], {
      ...options,
      place: async (_, realPath) => {
        native.moveTree(copy, realPath, 'no-replace');
        return { info };
      },
    });
    return added!;
  } finally {
    await staging.close();
  }
}

async function copySource(
  { source, filter }: PathToAdd,
  copy: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (!lstatSync(source, { throwIfNoEntry: false })) {
    throw new AirplantError('ERR_FILE', `${quote(source)} does not exist`, { details: { path: source } });
  }
  if (filter) await copyFiltered(source, copy, { filter, signal });
  else await native.copyTree(source, copy, { signal });
}

/** A flat address says nothing of the x bit, so there must be none. */
async function makePlain(source: string, copy: string): Promise<void> {
  if (!lstatSync(copy).isFile()) {
    throw new AirplantError(
      'ERR_UNSUPPORTED_FILE',
      `${quote(source)} is not a regular file, so it cannot be hashed flat`,
      { hint: 'Hash it recursively, as a NAR.', details: { path: source } },
    );
  }
  await chmod(copy, 0o444);
}
