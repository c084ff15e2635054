import { AirplantError } from '../base/errors.js';
import { quote } from '../base/quote.js';
import { compareText } from '../base/text.js';
import { parseContentAddress } from './content-address.js';
import { formatHash, type Hash, parseHash } from './hash.js';
import { parseStorePath, parseStorePathBase } from './store-path.js';

/** What a binary cache says of one store path. Store paths are full logical paths. */
export interface NarInfo {
  readonly path: string;
  /** Where the NAR file is: relative to the cache's root, or absolute. */
  readonly url: string;
  /** `none`, `xz`, `zstd` and so on, as the cache writes it. */
  readonly compression: string;
  /** Of the file at `url`, compressed as it is. */
  readonly fileHash?: Hash;
  readonly fileSize?: number;
  /** SHA-256 of the NAR. */
  readonly narHash: Hash;
  readonly narSize: number;
  /** Sorted; holds `path` itself when it refers to itself. */
  readonly references: readonly string[];
  readonly deriver?: string;
  readonly signatures: readonly string[];
  /** Content address in its text form. */
  readonly contentAddress?: string;
}

/**
 * Reads a narinfo. Throws ERR_NARINFO, with the line, for anything Nix refuses, and where it is laxer: for a field
 * that comes twice (so that no two readers can see different values), a line that is not `Name: value`, a NarHash
 * that is not SHA-256. Fields it does not know are skipped.
 */
export function parseNarInfo(storeDir: string, text: string): NarInfo {
  const fields = splitFields(text);
  const take = <Value>(name: string, read: (value: string) => Value): Value | undefined => {
    const field = fields.get(name)?.[0];
    return field === undefined ? undefined : readField(name, field, read);
  };
  const need = <Value>(name: string, read: (value: string) => Value): Value => {
    const value = take(name, read);
    if (value === undefined) throw malformed(`it has no ${name}`);
    return value;
  };
  const fileHash = take('FileHash', (value) => parseHash(value));
  const fileSize = take('FileSize', parseSize);
  const deriver = take('Deriver', (value) => parseDeriver(storeDir, value));
  const contentAddress = take('CA', parseAddress);
  return {
    path: need('StorePath', (value) => parseStorePath(storeDir, value).path),
    url: need('URL', parseUrl),
    compression: take('Compression', parseCompression) || 'bzip2',
    ...(fileHash && { fileHash }),
    ...(fileSize !== undefined && { fileSize }),
    narHash: need('NarHash', (value) => parseHash(value, 'sha256')),
    narSize: need('NarSize', parseNarSize),
    references: take('References', (value) => parseReferences(storeDir, value)) ?? [],
    ...(deriver && { deriver }),
    signatures: [...new Set(fields.get('Sig')?.map(({ value }) => value))],
    ...(contentAddress && { contentAddress }),
  };
}

/** The text Nix writes for the same facts: fields in its order, hashes in base 32, store paths by base name. */
export function formatNarInfo(info: NarInfo): string {
  const lines: (readonly [name: string, value: string | undefined])[] = [
    ['StorePath', info.path],
    ['URL', info.url],
    ['Compression', info.compression],
    ['FileHash', info.fileHash && formatHash(info.fileHash, 'base32')],
    ['FileSize', info.fileSize?.toString()],
    ['NarHash', formatHash(info.narHash, 'base32')],
    ['NarSize', info.narSize.toString()],
    ['References', [...info.references].sort(compareText).map(baseName).join(' ')],
    ['Deriver', info.deriver && baseName(info.deriver)],
    ...[...info.signatures].sort(compareText).map((signature) => ['Sig', signature] as const),
    ['CA', info.contentAddress],
  ];
  for (const [name, value] of lines) {
    if (value !== undefined && /[\n\r\0]/.test(value))
      throw malformed(`${name} cannot be written on one line: ${quote(value)}`);
  }
  return lines.map(([name, value]) => (value === undefined ? '' : `${name}: ${value}\n`)).join('');
}

interface Field {
  readonly value: string;
  readonly line: number;
}

/** Fields by name, each but `Sig` at most once. */
function splitFields(text: string): Map<string, Field[]> {
  if (!text.endsWith('\n')) throw malformed('its last line does not end: it may have been cut short');
  const fields = new Map<string, Field[]>();
  for (const [index, content] of text.slice(0, -1).split('\n').entries()) {
    const line = index + 1;
    const parts = /^([^:\s]+): (.*)$/s.exec(content);
    if (!parts) throw malformed(`line ${line} is not \`Name: value\`: ${quote(content)}`, line);
    const [, name, value] = parts as unknown as [string, string, string];
    const field = { value, line };
    const earlier = fields.get(name);
    if (!earlier) fields.set(name, [field]);
    else if (name === 'Sig') earlier.push(field);
    else if (knownFields.has(name)) throw malformed(`line ${line} gives ${name} a second time`, line);
  }
  return fields;
}

const knownFields: ReadonlySet<string> = new Set([
  'StorePath',
  'URL',
  'Compression',
  'FileHash',
  'FileSize',
  'NarHash',
  'NarSize',
  'References',
  'Deriver',
  'CA',
]);

function readField<Value>(name: string, { value, line }: Field, read: (value: string) => Value): Value {
  try {
    return read(value);
  } catch (error) {
    if (!(error instanceof AirplantError)) throw error;
    throw malformed(`line ${line}, ${name}: ${error.message}`, line, error);
  }
}

function parseUrl(value: string): string {
  if (!/^[\x21-\x7e]+$/.test(value)) throw malformed(`${quote(value)} is not a URL`);
  return value;
}

function parseCompression(value: string): string {
  if (!/^[0-9a-z-]*$/.test(value)) throw malformed(`${quote(value)} is not the name of a compression`);
  return value;
}

function parseSize(value: string): number {
  if (!/^[0-9]{1,16}$/.test(value) || Number(value) > Number.MAX_SAFE_INTEGER)
    throw malformed(`${quote(value)} is not a number of bytes below 2^53`);
  return Number(value);
}

function parseNarSize(value: string): number {
  const size = parseSize(value);
  if (size === 0) throw malformed('no NAR is empty');
  return size;
}

function parseReferences(storeDir: string, value: string): string[] {
  const bases = new Set(value.split(' ').filter(Boolean));
  return Array.from(bases, (base) => parseStorePathBase(storeDir, base).path).sort(compareText);
}

function parseDeriver(storeDir: string, value: string): string | undefined {
  return value === 'unknown-deriver' ? undefined : parseStorePathBase(storeDir, value).path;
}

function parseAddress(value: string): string | undefined {
  if (value === '') return undefined;
  parseContentAddress(value);
  return value;
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

function malformed(why: string, line?: number, cause?: unknown): AirplantError {
  return new AirplantError('ERR_NARINFO', why, { cause, ...(line && { details: { line } }) });
}
