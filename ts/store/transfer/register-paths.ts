import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import { AirplantError } from '../../base/errors.js';
import { quote } from '../../base/quote.js';
import type { HashMemo } from '../../derivation/hash-modulo.js';
import { parseRegistrations, type Registered } from '../../formats/registration.js';
import { native } from '../../native.js';
import { checkPathInfo } from '../check-path-info.js';
import type { Registration } from '../database.js';
import { isDerivationName } from '../derivations.js';
import { LockFile } from '../lock-file.js';
import { PathLocks } from '../locks.js';
import { type NewDerivations, outputsToRegister } from '../new-derivations.js';
import type { PathInfo } from '../path-info.js';
import type { PlaceOptions } from '../place.js';
import { readDerivationFile } from '../read-derivation-file.js';
import { realPathOf, type StoreParts } from '../store-parts.js';
import { untilAborted } from '../until-aborted.js';

/** How registration text is to be understood. */
export interface RegisterChoices {
  /** The text has hashes and sizes, which are taken on trust; otherwise the contents are hashed. Default false. */
  readonly hashGiven?: boolean | undefined;
  /** Also what is valid already is registered again. Default false: that stays as it is. */
  readonly reregister?: boolean | undefined;
  /** The contents are made canonical (modes, times) where they lie. Default true, as in `--register-validity`. */
  readonly canonicalise?: boolean | undefined;
}

/**
 * Makes paths valid whose contents lie in the store already, as registration text says of them, and returns their number:
 * all of the text or nothing, in one transaction. With `hashGiven` and `reregister`, and without `canonicalise`, this is
 * Nix's `--load-db`; without them its `--register-validity`.
 *
 * Paths that are not valid yet are locked meanwhile, and so are those whose contents are read; collectors wait. Of a path that is registered again the
 * signatures, the content address and whether it was built here stay as they are, unless its hash becomes another one.
 *
 * Throws ERR_REGISTRATION, ERR_HASH_SYNTAX, ERR_STORE_PATH, ERR_PATH_INVALID (the contents are not there, or a reference is
 * neither valid nor registered along), ERR_DERIVATION_INVALID, ERR_OUTPUT_REJECTED (a cycle).
 */
export async function registerPaths(
  parts: StoreParts,
  source: AsyncIterable<Uint8Array>,
  options: RegisterChoices & PlaceOptions = {},
): Promise<number> {
  const { hashGiven = false, canonicalise = true, signal } = options;
  const records = await readRecords(parts, source, { ...options, hashGiven });
  const isTouched = canonicalise || !hashGiven;
  // A collector would take the locks away otherwise.
  const roots = parts.tempRoots.scope();
  const collector = LockFile.open(join(parts.directories.stateDir, 'gc.lock'));
  try {
    await roots.add(records.keys(), signal);
    const toLock = [...records.keys()].filter((path) => isTouched || !parts.database.isValid(path));
    const locks = await PathLocks.take(
      toLock.map((path) => realPathOf(parts.directories, path)),
      options,
    );
    try {
      // In this order: whoever has the lock of a path may be about to collect, and wait for this one with that in hand.
      await collector.lock('shared', { signal });
      dropValid(records, parts, options);
      const registrations: Registration[] = [];
      const derivations = contentsOf(parts, records);
      const memo: HashMemo = new Map();
      for (const record of records.values()) {
        signal?.throwIfAborted();
        const info = await infoOf(parts, record, { canonicalise, signal });
        const outputs = outputsToRegister(record.path, derivations, { derivations: parts.derivations, memo });
        registrations.push({ info: checkPathInfo(parts.directories.storeDir, info), outputs });
      }
      if (registrations.length > 0) await parts.database.register(registrations, signal);
    } finally {
      locks.release({ delete: true });
    }
  } finally {
    collector.close();
    roots.close();
  }
  return records.size;
}

/** By path; of a path that comes several times, what comes last counts. */
async function readRecords(
  parts: StoreParts,
  source: AsyncIterable<Uint8Array>,
  options: RegisterChoices & PlaceOptions & { readonly hashGiven: boolean },
): Promise<Map<string, Registered>> {
  const { hashGiven, signal } = options;
  const records = new Map<string, Registered>();
  for await (const record of parseRegistrations(untilAborted(source, signal), { hashGiven })) {
    signal?.throwIfAborted();
    const real = realPathOf(parts.directories, record.path);
    if (!options.reregister && parts.database.isValid(record.path)) continue;
    requireThere(record.path, real);
    records.set(record.path, record);
  }
  return records;
}

/** What somebody else has made valid while we waited is treated like what was so before. */
function dropValid(
  records: Map<string, Registered>,
  { database }: StoreParts,
  { reregister }: RegisterChoices,
): void {
  if (reregister) return;
  for (const path of [...records.keys()]) if (database.isValid(path)) records.delete(path);
}

/** Of derivations that are registered now, which others among them may depend on. */
function contentsOf({ directories }: StoreParts, records: ReadonlyMap<string, Registered>): NewDerivations {
  return {
    get: (path) => {
      if (!records.has(path) || !isDerivationName(path)) return undefined;
      return readDerivationFile(path, realPathOf(directories, path));
    },
  };
}

async function infoOf(
  { directories, database, caseHack }: StoreParts,
  { path, nar, references, deriver }: Registered,
  { canonicalise, signal }: { readonly canonicalise: boolean; readonly signal: AbortSignal | undefined },
): Promise<PathInfo> {
  const real = realPathOf(directories, path);
  // Again, now that no collector can take it away.
  requireThere(path, real);
  if (canonicalise) await native.canonicaliseTree(real, { signal });
  const identity = nar ?? (await identityOf(real, { signal, caseHack }));
  const known = database.pathInfo(path);
  const same = known?.narHash.hex === identity.hash.hex ? known : undefined;
  return {
    path,
    references,
    ...(deriver === undefined ? {} : { deriver }),
    narHash: identity.hash,
    narSize: identity.size,
    registrationTime: 0,
    ultimate: same?.ultimate ?? false,
    signatures: same?.signatures ?? [],
    ...(same?.contentAddress === undefined ? {} : { contentAddress: same.contentAddress }),
  };
}

async function identityOf(
  real: string,
  options: { readonly signal: AbortSignal | undefined; readonly caseHack: boolean },
): Promise<NonNullable<Registered['nar']>> {
  const { hash, narSize } = await native.hashTree(real, [], options);
  return { hash: { algorithm: 'sha256', hex: hash }, size: narSize };
}

function requireThere(path: string, real: string): void {
  if (!lstatSync(real, { throwIfNoEntry: false })) throw nothingThere(path, real);
}

function nothingThere(path: string, real: string): AirplantError {
  return new AirplantError(
    'ERR_PATH_INVALID',
    `path '${path}' cannot be registered: there is no ${quote(real)}`,
    {
      hint: 'Put its contents there first, or leave its record out.',
      details: { path },
    },
  );
}
