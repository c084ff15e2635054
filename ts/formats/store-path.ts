import { AirplantError } from '../base/errors.js';
import { quote } from '../base/quote.js';
import { nixBase32Alphabet } from './nixbase32.js';

/** A store path taken apart. `storeDir` is always the logical store directory, `/nix/store` say. */
export interface StorePath {
  /** `<storeDir>/<base>` */
  readonly path: string;
  /** `<hashPart>-<name>` */
  readonly base: string;
  /** 32 digits of Nix's base 32. */
  readonly hashPart: string;
  readonly name: string;
}

/** Length of the hash part: 20 bytes in base 32. */
export const hashPartLength = 32;

/** Longest name: `<hashPart>-<name>.lock` and the like must fit into a file name of 255 bytes. */
export const maximumNameLength = 211;

/**
 * Takes a store path apart. The text must be exactly `<storeDir>/<hashPart>-<name>`: nothing is resolved or
 * normalised. Throws ERR_STORE_PATH.
 */
export function parseStorePath(storeDir: string, text: string): StorePath {
  if (!text.startsWith(`${storeDir}/`))
    throw malformed(text, `it does not lie in the store directory ${quote(storeDir)}`);
  return takeApart(storeDir, text.slice(storeDir.length + 1), text);
}

/** The same for a base name, `<hashPart>-<name>`. */
export function parseStorePathBase(storeDir: string, base: string): StorePath {
  return takeApart(storeDir, base, base);
}

/** True for exactly what `parseStorePath` accepts. */
export function isStorePath(storeDir: string, text: string): boolean {
  return text.startsWith(`${storeDir}/`) && whyNotBase(text.slice(storeDir.length + 1)) === undefined;
}

/**
 * The store path that holds `path`, which may be the store path itself or anything below it.
 * Throws ERR_STORE_PATH; also for a path with `.` or `..` components, which might lead elsewhere.
 */
export function storePathOf(storeDir: string, path: string): string {
  if (!path.startsWith(`${storeDir}/`))
    throw malformed(path, `it does not lie in the store directory ${quote(storeDir)}`);
  if (/\/\.{1,2}(\/|$)|\0/.test(path))
    throw malformed(path, 'it has a component `.` or `..`, or a NUL character');
  const end = path.indexOf('/', storeDir.length + 1);
  return parseStorePath(storeDir, end < 0 ? path : path.slice(0, end)).path;
}

/**
 * Throws ERR_NAME unless the text can be the name of a store path, by the rules of Nix 2.36: 1 to 211 characters
 * out of `0-9 a-z A-Z + - . _ ? =`, not `.` or `..` and not starting with `.-` or `..-`.
 */
export function checkName(name: string): void {
  const why = whyNotName(name);
  if (why) {
    throw new AirplantError('ERR_NAME', `${quote(name)} cannot be the name of a store path: ${why}`, {
      details: { name: name.slice(0, 256) },
    });
  }
}

function takeApart(storeDir: string, base: string, text: string): StorePath {
  const why = whyNotBase(base);
  if (why) throw malformed(text, why);
  return {
    path: `${storeDir}/${base}`,
    base,
    hashPart: base.slice(0, hashPartLength),
    name: base.slice(hashPartLength + 1),
  };
}

const hashPartPattern = new RegExp(`^[${nixBase32Alphabet}]{${hashPartLength}}-`);

function whyNotBase(base: string): string | undefined {
  if (base.includes('/')) return 'it lies deeper than that, or has an empty component';
  if (!hashPartPattern.test(base))
    return `it does not begin with ${hashPartLength} base-32 digits and a dash`;
  return whyNotName(base.slice(hashPartLength + 1));
}

function whyNotName(name: string): string | undefined {
  if (name === '') return 'the name is empty';
  if (name.length > maximumNameLength)
    return `the name has ${name.length} characters, more than ${maximumNameLength}`;
  const wrong = /[^0-9a-zA-Z+\-._?=]/u.exec(name);
  if (wrong) return `the name has the character ${quote(wrong[0])}`;
  if (/^\.\.?(-|$)/.test(name)) return 'the name is or begins like `.` or `..`';
  return undefined;
}

function malformed(text: string, why: string): AirplantError {
  return new AirplantError('ERR_STORE_PATH', `${quote(text, 300)} is not a store path: ${why}`, {
    details: { path: text.slice(0, 512) },
  });
}
