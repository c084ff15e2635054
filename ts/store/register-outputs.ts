import type { HashMemo } from '../derivation/hash-modulo.js';
import type { Hash } from '../formats/hash.js';
import { native } from '../native.js';
import { checkPathInfo } from './check-path-info.js';
import type { Registration } from './database.js';
import { isDerivationName } from './derivations.js';
import { memoFor, outputsToRegister } from './new-derivations.js';
import type { PathInfo } from './path-info.js';
import { type PlaceOptions, placeAndRegister } from './place.js';
import { readDerivationFile } from './read-derivation-file.js';
import { type KeptContents, replacePaths } from './replace-paths.js';
import type { StoreParts } from './store-parts.js';

/** Something made, canonicalised and hashed, to be moved into the store. */
export interface OutputToRegister {
  /** Final logical store path. */
  readonly path: string;
  /** Where it lies on the host: on the store's file system, and where nobody else can change it any more. */
  readonly source: string;
  readonly narHash: Hash;
  readonly narSize: number;
  readonly references: readonly string[];
  readonly deriver?: string | undefined;
  readonly contentAddress?: string | undefined;
  readonly signatures?: readonly string[] | undefined;
  /** Default true: it was built here. */
  readonly ultimate?: boolean | undefined;
}

/**
 * Moves outputs into place and registers them, all or none, in one transaction. An output that is valid already
 * stays as it is and its source is left alone. The hash is taken on trust. Throws as `placeAndRegister`.
 */
export async function registerOutputs(
  parts: StoreParts,
  outputs: readonly OutputToRegister[],
  options: PlaceOptions = {},
): Promise<PathInfo[]> {
  // Before anything is moved: what cannot be registered is not lost.
  for (const output of outputs) checkPathInfo(parts.directories.storeDir, pathInfoOf(output));
  const derivations = newDerivations(parts, outputs);
  return await placeAndRegister(parts, outputs, {
    ...options,
    place: async (output, realPath) => {
      native.moveTree(output.source, realPath, 'no-replace');
      return registrationOf(parts, output, derivations);
    },
  });
}

/**
 * Swaps outputs in for what lies at their paths, valid or not, and registers them, all or none. The hash is taken on
 * trust. Throws and returns as `replacePaths`.
 */
export async function replaceOutputs(
  parts: StoreParts,
  outputs: readonly OutputToRegister[],
  options: PlaceOptions = {},
): Promise<KeptContents[]> {
  const derivations = newDerivations(parts, outputs);
  const replacements = outputs.map((output) => ({
    registration: registrationOf(parts, output, derivations),
    source: output.source,
  }));
  return await replacePaths(parts, replacements, options);
}

interface Made {
  readonly fresh: ReadonlyMap<string, Uint8Array>;
  readonly memo: HashMemo;
}

/** Derivations made by a build, or copied from another store. */
function newDerivations({ database, derivations }: StoreParts, outputs: readonly OutputToRegister[]): Made {
  const fresh = new Map<string, Uint8Array>();
  for (const { path, source } of outputs)
    if (isDerivationName(path) && !database.isValid(path)) fresh.set(path, readDerivationFile(path, source));
  return { fresh, memo: memoFor(fresh, derivations) };
}

function registrationOf(
  { derivations }: StoreParts,
  output: OutputToRegister,
  { fresh, memo }: Made,
): Registration {
  return {
    info: pathInfoOf(output),
    outputs: outputsToRegister(output.path, fresh, { derivations, memo }),
  };
}

function pathInfoOf(output: OutputToRegister): PathInfo {
  const { path, narHash, narSize, references, deriver, contentAddress } = output;
  return {
    path,
    narHash,
    narSize,
    references,
    ...(deriver === undefined ? {} : { deriver }),
    registrationTime: 0,
    ultimate: output.ultimate ?? true,
    signatures: output.signatures ?? [],
    ...(contentAddress === undefined ? {} : { contentAddress }),
  };
}
