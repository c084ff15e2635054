import { createHash } from 'node:crypto';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { AirplantError } from '../base/errors.js';
import { makeDirectory } from '../base/make-directory.js';
import { cacheDirectory } from '../config/cache-directory.js';

/**
 * TypeScript without its types, every character that stays in its place. Syntax that would need more than erasing
 * (enums, namespaces with code, parameter properties) is refused, as by Node 22.18 itself; it is the same parser.
 *
 * The parser takes a tenth of a second to load, so what it made is kept below `$XDG_CACHE_HOME/airplant/stripped`,
 * under the hash of its input. Throws ERR_MODULE with file, line and column.
 */
export function stripTypes(source: string, file: string): string {
  const cached = cacheFile(source);
  const known = readCache(cached);
  if (known !== undefined) return known;
  const code = strip(source, file);
  writeCache(cached, code);
  return code;
}

const require = createRequire(import.meta.url);

/** The versions are in the key, so that another stripper's output is never taken for this one's. */
function cacheFile(source: string): string {
  const { version } = require('@swc/wasm-typescript/package.json') as { version: string };
  const key = createHash('sha256').update(`${version}\0${source}`).digest('hex');
  return join(cacheDirectory('stripped'), `${key}.js`);
}

function strip(source: string, file: string): string {
  const { transformSync } = require('@swc/wasm-typescript') as typeof import('@swc/wasm-typescript');
  try {
    return transformSync(source, { mode: 'strip-only', filename: file }).code;
  } catch (cause) {
    const { message, startLine, startColumn } = cause as Partial<ParserError>;
    const place = startLine === undefined ? file : `${file}:${startLine}:${(startColumn ?? 0) + 1}`;
    throw new AirplantError('ERR_MODULE', `${place}: ${message ?? String(cause)}`, {
      hint: 'Only types that can be erased are understood: no enum, no namespace with code, no parameter property.',
      cause,
    });
  }
}

/** What @swc/wasm-typescript throws; not declared by its types. */
interface ParserError {
  readonly message: string;
  readonly startLine: number;
  readonly startColumn: number;
}

function readCache(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

/** A cache that cannot be written costs time and nothing else. */
function writeCache(file: string, code: string): void {
  try {
    makeDirectory(dirname(file), 0o700);
    const temporary = `${file}.${process.pid}`;
    writeFileSync(temporary, code, { mode: 0o600 });
    renameSync(temporary, file);
  } catch {
    // Read-only home, full disk: strip again next time.
  }
}
