import { readFileSync } from 'node:fs';
import { AirplantError } from '../base/errors.js';
import { parseDerivation } from '../derivation/aterm-parse.js';
import { printDerivation } from '../derivation/aterm-print.js';
import type { Derivation } from '../derivation/derivation.js';
import { parseStorePath } from '../formats/store-path.js';
import type { TextToAdd } from './add-text.js';
import { invalidPath } from './database.js';
import { realPathOf, type StoreParts, storeError } from './store-parts.js';

/** Reads the derivations of a store, each once: a path with a hash of its contents never means something else. */
export class DerivationReader {
  readonly #parts: StoreParts;
  readonly #cache = new Map<string, Derivation>();

  constructor(parts: StoreParts) {
    this.#parts = parts;
  }

  /** Throws ERR_PATH_INVALID if the path is not valid, ERR_DERIVATION_SYNTAX if it is no derivation. */
  read(drvPath: string): Derivation {
    const known = this.#cache.get(drvPath);
    if (known) return known;
    const { directories, database } = this.#parts;
    const file = realPathOf(directories, drvPath);
    if (!database.isValid(drvPath)) throw invalidPath(drvPath);
    const derivation = parseDerivation(readStoreFile(file), {
      name: derivationName(directories.storeDir, drvPath),
      file: drvPath,
    });
    // Old entries give way first. Whoever walks a graph of more asks for each just a few times.
    if (this.#cache.size >= maxCached) this.#cache.delete(this.#cache.keys().next().value!);
    this.#cache.set(drvPath, derivation);
    return derivation;
  }
}

const maxCached = 4096;

/** The `.drv` file of a derivation, as `addTexts` takes it. */
export function derivationText(derivation: Derivation): TextToAdd {
  return {
    name: `${derivation.name}.drv`,
    contents: printDerivation(derivation),
    references: [...derivation.inputSrcs, ...derivation.inputDrvs.keys()],
  };
}

/**
 * The outputs of a `.drv` file whose paths are known, by name; undefined for a path that is no derivation.
 * Throws ERR_DERIVATION_SYNTAX, and ERR_DERIVATION_INVALID for an output that is no store path.
 */
export function knownOutputs(
  storeDir: string,
  path: string,
  contents: Uint8Array,
): ReadonlyMap<string, string> {
  const outputs = new Map<string, string>();
  if (!path.endsWith('.drv')) return outputs;
  const derivation = parseDerivation(contents, { name: derivationName(storeDir, path), file: path });
  for (const [name, output] of derivation.outputs) {
    if (output.kind !== 'input-addressed' && output.kind !== 'fixed') continue;
    try {
      outputs.set(name, parseStorePath(storeDir, output.path).path);
    } catch (cause) {
      throw new AirplantError(
        'ERR_DERIVATION_INVALID',
        `the output ${name} of ${path} is '${output.path}', which is no store path`,
        { cause, details: { path, output: name } },
      );
    }
  }
  return outputs;
}

function derivationName(storeDir: string, drvPath: string): string {
  const { name } = parseStorePath(storeDir, drvPath);
  if (name.endsWith('.drv')) return name.slice(0, -'.drv'.length);
  throw new AirplantError(
    'ERR_STORE_PATH',
    `'${drvPath}' is not a derivation: its name does not end in .drv`,
    {
      hint: 'Give the path of the .drv file.',
    },
  );
}

function readStoreFile(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw storeError(error, 'reading a derivation');
  }
}
