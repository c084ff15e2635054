import { AirplantError } from '../base/errors.js';
import { quote } from '../base/quote.js';
import { parseDerivation } from '../derivation/aterm-parse.js';
import type { Derivation } from '../derivation/derivation.js';
import type { HashMemo } from '../derivation/hash-modulo.js';
import { StringPool } from '../derivation/string-pool.js';
import { parseStorePath } from '../formats/store-path.js';
import { type Database, invalidPath } from './database.js';
import type { StoreDirectories } from './directories.js';
import { readDerivationFile } from './read-derivation-file.js';
import { realPathOf } from './store-parts.js';

/** The derivations of a store. */
export class Derivations {
  readonly directories: StoreDirectories;
  /** Hashes of derivations whose paths have been computed from their contents. */
  readonly hashes: HashMemo = new Map();
  readonly #database: Database;
  readonly #parsed = new Map<string, Derivation>();
  readonly #strings = new StringPool();
  /** Those that whoever evaluated them has in memory already, for as long as that is so. */
  readonly #evaluated = new Map<string, WeakRef<Derivation>>();

  constructor(directories: StoreDirectories, database: Database) {
    this.directories = directories;
    this.#database = database;
  }

  /**
   * Reads a derivation, each once: a path with a hash of its contents never means something else.
   * Throws ERR_PATH_INVALID if the path is not valid, ERR_DERIVATION_SYNTAX if it is no derivation, nor a file that could be one.
   */
  read(drvPath: string): Derivation {
    const known = this.#parsed.get(drvPath) ?? this.#evaluated.get(drvPath)?.deref();
    if (known) return known;
    this.#nameOf(drvPath);
    const file = realPathOf(this.directories, drvPath);
    if (!this.#database.isValid(drvPath)) throw invalidPath(drvPath);
    const derivation = this.parse(drvPath, readDerivationFile(drvPath, file));
    // Old entries give way first. Whoever walks a graph of more asks for each just a few times.
    if (this.#parsed.size >= maxParsed) this.#parsed.delete(this.#parsed.keys().next().value!);
    this.#parsed.set(drvPath, derivation);
    return derivation;
  }

  /** What the file of a valid derivation holds: it need not be read while that is in memory anyway. */
  remember(drvPath: string, derivation: Derivation): void {
    this.#evaluated.set(drvPath, new WeakRef(derivation));
  }

  /** To be called when the file of a derivation was damaged and has been replaced. */
  forget(drvPath: string): void {
    this.#parsed.delete(drvPath);
    this.#evaluated.delete(drvPath);
  }

  /** The derivation that the contents of a `.drv` file are. Throws ERR_STORE_PATH, ERR_DERIVATION_SYNTAX. */
  parse(drvPath: string, contents: Uint8Array): Derivation {
    const name = this.#nameOf(drvPath).slice(0, -'.drv'.length);
    return parseDerivation(contents, { name, file: drvPath, strings: this.#strings });
  }

  #nameOf(drvPath: string): string {
    const { name } = parseStorePath(this.directories.storeDir, drvPath);
    if (isDerivationName(name)) return name;
    throw new AirplantError(
      'ERR_STORE_PATH',
      `${quote(drvPath)} is not a derivation: its name does not end in .drv`,
      { hint: 'Give the path of the .drv file.', details: { path: drvPath } },
    );
  }
}

const maxParsed = 4096;

/** True for the name of a derivation's `.drv` file, or its path. */
export function isDerivationName(name: string): boolean {
  return name.endsWith('.drv');
}
