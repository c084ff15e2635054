import { readFileSync } from 'node:fs';
import { AirplantError } from '../base/errors.js';
import { quote } from '../base/quote.js';
import { parseDerivation } from '../derivation/aterm-parse.js';
import { printDerivation } from '../derivation/aterm-print.js';
import type { Derivation } from '../derivation/derivation.js';
import type { HashMemo } from '../derivation/hash-modulo.js';
import { checkOutputPaths } from '../derivation/output-paths.js';
import { parseStorePath } from '../formats/store-path.js';
import type { TextToAdd } from './add-text.js';
import { type Database, invalidPath } from './database.js';
import type { StoreDirectories } from './directories.js';
import { realPathOf, storeError } from './store-parts.js';

/** Contents of `.drv` files that are about to be added, by path: their inputs are looked up here first. */
export type NewDerivations = ReadonlyMap<string, Uint8Array>;

/** The derivations of a store. */
export class Derivations {
  readonly #directories: StoreDirectories;
  readonly #database: Database;
  readonly #parsed = new Map<string, Derivation>();
  readonly #hashes: HashMemo = new Map();

  constructor(directories: StoreDirectories, database: Database) {
    this.#directories = directories;
    this.#database = database;
  }

  /**
   * Reads a derivation, each once: a path with a hash of its contents never means something else.
   * Throws ERR_PATH_INVALID if the path is not valid, ERR_DERIVATION_SYNTAX if it is no derivation.
   */
  read(drvPath: string): Derivation {
    const known = this.#parsed.get(drvPath);
    if (known) return known;
    const file = realPathOf(this.#directories, drvPath);
    if (!this.#database.isValid(drvPath)) throw invalidPath(drvPath);
    const derivation = this.#parse(drvPath, readStoreFile(file));
    // Old entries give way first. Whoever walks a graph of more asks for each just a few times.
    if (this.#parsed.size >= maxParsed) this.#parsed.delete(this.#parsed.keys().next().value!);
    this.#parsed.set(drvPath, derivation);
    return derivation;
  }

  /**
   * The outputs of a `.drv` file to be added whose paths are known, by name, after a check that they are those it
   * must have: nobody shall claim the path of something else. No outputs for a path that is no derivation.
   *
   * `trusted` says that the paths in `fresh` have been computed from their contents. Throws ERR_DERIVATION_SYNTAX,
   * ERR_DERIVATION_INVALID, and ERR_PATH_INVALID for an input that is neither in the store nor in `fresh`.
   */
  outputsToRegister(
    drvPath: string,
    fresh: NewDerivations,
    { trusted }: { readonly trusted: boolean },
  ): ReadonlyMap<string, string> {
    const contents = fresh.get(drvPath);
    if (contents === undefined) return new Map();
    const derivation = this.#parse(drvPath, contents);
    checkOutputPaths(derivation, {
      storeDir: this.#directories.storeDir,
      lookup: (path) => {
        const bytes = fresh.get(path);
        return bytes === undefined ? this.read(path) : this.#parse(path, bytes);
      },
      memo: trusted ? this.#hashes : new Map(),
    });
    const outputs = new Map<string, string>();
    for (const [name, output] of derivation.outputs)
      if (output.kind === 'input-addressed' || output.kind === 'fixed') outputs.set(name, output.path);
    return outputs;
  }

  #parse(drvPath: string, contents: Uint8Array): Derivation {
    const { name } = parseStorePath(this.#directories.storeDir, drvPath);
    if (!isDerivationName(name)) {
      throw new AirplantError(
        'ERR_STORE_PATH',
        `${quote(drvPath)} is not a derivation: its name does not end in .drv`,
        { hint: 'Give the path of the .drv file.', details: { path: drvPath } },
      );
    }
    return parseDerivation(contents, { name: name.slice(0, -'.drv'.length), file: drvPath });
  }
}

const maxParsed = 4096;

/** True for the name of a derivation's `.drv` file, or its path. */
export function isDerivationName(name: string): boolean {
  return name.endsWith('.drv');
}

/** The `.drv` file of a derivation, as `addTexts` takes it. */
export function derivationText(derivation: Derivation): TextToAdd {
  return {
    name: `${derivation.name}.drv`,
    contents: printDerivation(derivation),
    references: [...derivation.inputSrcs, ...derivation.inputDrvs.keys()],
  };
}

function readStoreFile(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw storeError(error, 'reading a derivation');
  }
}
