import { AirplantError } from '../base/errors.js';
import { quote } from '../base/quote.js';
import { decodeText } from '../base/text.js';
import { longestPath, mostReferences } from './export/item.js';
import { formatDigest, type Hash, parseHash } from './hash.js';

/** One record of registration text: what `nix-store --dump-db` writes and `--register-validity` reads. */
export interface Registered {
  /** Full store paths, which have not been looked at. */
  readonly path: string;
  readonly references: readonly string[];
  readonly deriver?: string;
  /** Absent in text without hashes, which is what builders find of `exportReferencesGraph`. */
  readonly nar?: NarIdentity;
}

/** SHA-256 and length in bytes of a NAR. */
export interface NarIdentity {
  readonly hash: Hash;
  readonly size: number;
}

/** The record as text, each field on a line of its own; the hash without its algorithm, in base 16. */
export function formatRegistration({ path, nar, deriver = '', references }: Registered): string {
  const identity = nar ? [formatDigest(nar.hash, 'base16'), nar.size] : [];
  return `${[path, ...identity, deriver, references.length, ...references].join('\n')}\n`;
}

/**
 * The records of registration text, in constant memory. Hashes may be in any form Nix reads. Throws ERR_REGISTRATION
 * with the line where the text is cut short or no such text, ERR_HASH_SYNTAX for a hash that is none.
 */
export async function* parseRegistrations(
  source: AsyncIterable<Uint8Array>,
  { hashGiven }: { readonly hashGiven: boolean },
): AsyncGenerator<Registered, void, undefined> {
  const reader = new FieldReader(source);
  try {
    for (let path = await reader.first(); path !== undefined; path = await reader.first()) {
      const nar = hashGiven ? await readIdentity(reader) : undefined;
      const deriver = await reader.next('a deriver, or an empty line');
      const count = await reader.number('the number of references', mostReferences);
      const references: string[] = [];
      while (references.length < count) references.push(await reader.next('a reference'));
      yield { path, references, ...(deriver === '' ? {} : { deriver }), ...(nar ? { nar } : {}) };
    }
  } finally {
    await reader.close();
  }
}

async function readIdentity(reader: FieldReader): Promise<NarIdentity> {
  const hash = parseHash(await reader.next('a SHA-256 hash'), 'sha256');
  return { hash, size: await reader.number('the size of a NAR', Number.MAX_SAFE_INTEGER) };
}

class FieldReader {
  readonly #lines: AsyncGenerator<string, void, undefined>;
  #number = 0;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#lines = linesOf(source);
  }

  /** The first line of a record; undefined at the end of the text. */
  async first(): Promise<string | undefined> {
    const { done, value } = await this.#lines.next();
    if (!done) this.#number++;
    return done ? undefined : value;
  }

  async close(): Promise<void> {
    await this.#lines.return();
  }

  async next(expected: string): Promise<string> {
    const line = await this.first();
    if (line === undefined) throw this.#damaged(expected, 'the end of the text');
    return line;
  }

  async number(expected: string, limit: number): Promise<number> {
    const line = await this.next(expected);
    if (!/^\d{1,16}$/.test(line) || Number(line) > limit)
      throw this.#damaged(`${expected}, at most ${limit}`, quote(line));
    return Number(line);
  }

  #damaged(expected: string, found: string): AirplantError {
    return new AirplantError(
      'ERR_REGISTRATION',
      `line ${this.#number} of the registration text: expected ${expected}, found ${found}`,
      { details: { line: this.#number, expected } },
    );
  }
}

/** Lines without their newline, which the last one must have, too. */
async function* linesOf(source: AsyncIterable<Uint8Array>): AsyncGenerator<string, void, undefined> {
  let rest = Buffer.alloc(0);
  let number = 1;
  for await (const chunk of source) {
    const bytes = Buffer.concat([rest, chunk]);
    let start = 0;
    for (let end = bytes.indexOf(0x0a); end >= 0; end = bytes.indexOf(0x0a, start)) {
      if (end - start > longestPath) throw tooLong(number);
      yield decodeText(bytes.subarray(start, end));
      number++;
      start = end + 1;
    }
    rest = Buffer.from(bytes.subarray(start));
    if (rest.length > longestPath) throw tooLong(number);
  }
  if (rest.length > 0) {
    throw new AirplantError(
      'ERR_REGISTRATION',
      `line ${number} of the registration text, ${quote(decodeText(rest))}, has no end`,
      { hint: 'The text was cut short.', details: { line: number } },
    );
  }
}

function tooLong(line: number): AirplantError {
  return new AirplantError(
    'ERR_REGISTRATION',
    `line ${line} of the registration text is longer than ${longestPath} bytes`,
    { details: { line } },
  );
}
