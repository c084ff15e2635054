import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import fc from 'fast-check';
import { isAirplantError } from '../../ts/base/errors.js';
import { fixturePath } from './fixtures.js';
import { longForm } from './requires.js';

/** A parser that is given anything. */
export interface FuzzTarget {
  readonly name: string;
  /** Sound input, and pieces of it. */
  readonly seeds: readonly Uint8Array[];
  readonly tokens: readonly string[];
  /** Reads the bytes and asserts what must hold of what is accepted. */
  read(bytes: Buffer): Promise<void>;
}

/**
 * What becomes of an input: `accepted`, or the code and the message of the error without its numbers and quotations.
 * Anything but an AirplantError is thrown.
 */
export async function outcomeOf(target: FuzzTarget, bytes: Buffer): Promise<string> {
  try {
    await target.read(bytes);
    return 'accepted';
  } catch (error) {
    if (!isAirplantError(error)) throw error;
    const message = error.message.replace(/'.*'/gs, "'…'").replace(/\d+/g, 'N').replace(/\s+/g, ' ');
    return `${error.code} ${message}`;
  }
}

/** Inputs that led to outcomes of their own once, with these outcomes. */
export function readCorpus({ name }: FuzzTarget): (readonly [outcome: string, bytes: Buffer])[] {
  const file = corpusFile(name);
  if (!existsSync(file)) return [];
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => line.split('\t') as [string, string])
    .map(([outcome, base64]) => [outcome, Buffer.from(base64, 'base64')] as const);
}

/**
 * Changes inputs at random, first of all those that led to something new. Returns how many different outcomes there were.
 * With AIRPLANT_UPDATE_CORPUS one input of each is kept.
 */
export async function fuzz(target: FuzzTarget): Promise<number> {
  const pool = new Map<string, Buffer>(readCorpus(target));
  const seeds = target.seeds.map((seed) => Buffer.from(seed));
  for (const seed of seeds) assert.equal(await outcomeOf(target, seed), 'accepted');
  if (!pool.has('accepted')) pool.set('accepted', seeds[0]!);
  const property = fc.asyncProperty(fc.nat(), anyChanges(target.tokens), async (choice, changes) => {
    const inputs = [...seeds, ...pool.values()];
    const bytes = changes.reduce(change, inputs[choice % inputs.length]!);
    if (bytes.length > 64 * 1024) return;
    const outcome = await outcomeOf(target, bytes);
    const known = pool.get(outcome);
    if (!known || bytes.length < known.length) pool.set(outcome, bytes);
  });
  await fc.assert(property, { numRuns: longForm ? 100_000 : 1500 });
  if (process.env['AIRPLANT_UPDATE_CORPUS']) writeCorpus(target.name, pool);
  return pool.size;
}

type Change =
  | { readonly kind: 'flip' | 'cut' | 'remove' | 'repeat'; readonly at: number; readonly length: number }
  | { readonly kind: 'number'; readonly at: number; readonly value: bigint }
  | { readonly kind: 'insert'; readonly at: number; readonly bytes: Uint8Array };

const numbers = [
  0n,
  1n,
  2n,
  7n,
  255n,
  256n,
  4095n,
  4096n,
  4097n,
  1n << 31n,
  1n << 32n,
  (1n << 53n) - 1n,
  (1n << 53n) + 1n,
  1n << 63n,
  (1n << 64n) - 8n,
  (1n << 64n) - 1n,
];

function anyChanges(tokens: readonly string[]): fc.Arbitrary<Change[]> {
  const at = fc.nat();
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 16 }),
    fc.constantFrom(...tokens.map((token) => Buffer.from(token, 'latin1'))),
  );
  const one: fc.Arbitrary<Change> = fc.oneof(
    fc.record({ kind: fc.constantFrom('flip', 'cut', 'remove', 'repeat'), at, length: fc.nat({ max: 64 }) }),
    fc.record({ kind: fc.constant('number'), at, value: fc.constantFrom(...numbers) }),
    fc.record({ kind: fc.constant('insert'), at, bytes }),
  );
  return fc.array(one, { minLength: 1, maxLength: 4 });
}

function change(input: Buffer, change: Change): Buffer {
  const at = change.at % (input.length + 1);
  const before = input.subarray(0, at);
  switch (change.kind) {
    case 'flip': {
      const bytes = Buffer.from(input);
      if (at < bytes.length) bytes[at]! ^= 1 << (change.length % 8);
      return bytes;
    }
    case 'cut':
      return before;
    case 'remove':
      return Buffer.concat([before, input.subarray(at + change.length)]);
    case 'repeat':
      return Buffer.concat([before, input.subarray(at, at + change.length), input.subarray(at)]);
    case 'insert':
      return Buffer.concat([before, change.bytes, input.subarray(at)]);
    case 'number': {
      // Numbers of archives lie at multiples of 8.
      const bytes = Buffer.from(input);
      const place = at - (at % 8);
      if (place + 8 <= bytes.length) bytes.writeBigUInt64LE(change.value, place);
      return bytes;
    }
  }
}

function corpusFile(name: string): string {
  return fixturePath('corpus', `${name}.tsv`);
}

function writeCorpus(name: string, pool: ReadonlyMap<string, Buffer>): void {
  const rows = [...pool].map(([outcome, bytes]) => `${outcome}\t${bytes.toString('base64')}\n`);
  mkdirSync(dirname(corpusFile(name)), { recursive: true });
  writeFileSync(corpusFile(name), rows.sort().join(''));
}
