import { createHash } from 'node:crypto';
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  type Stats,
} from 'node:fs';
import { AirplantError } from '../../base/errors.js';
import { quote } from '../../base/quote.js';
import { compareText, decodeText, encodeText } from '../../base/text.js';
import type { Hash } from '../../formats/hash.js';
import { caseHackSuffix } from '../../formats/nar/case-hack.js';
import { NarWriter } from '../../formats/nar/write.js';
import type { SourceFileType, SourceFilter } from './objects.js';

/** Hash and length of a NAR. */
export interface SourceHash {
  readonly narHash: Hash;
  readonly narSize: number;
}

/**
 * The SHA-256 and length of the NAR of the files at `hostPath`, read synchronously and in constant memory.
 * Symlinks are never followed. With `caseHack`, the suffix of the case hack is left out of names; a module does not know
 * the setting `use-case-hack`, only its default. Throws ERR_FILE for what cannot be read or changes meanwhile,
 * ERR_UNSUPPORTED_FILE for a socket, device or pipe that `filter` lets through, ERR_NAR for a tree too deep.
 */
export function hashSource(
  hostPath: string,
  filter: SourceFilter | undefined,
  options: { readonly caseHack: boolean } = { caseHack: process.platform === 'darwin' },
): SourceHash {
  const hash = createHash('sha256');
  let narSize = 0;
  const writer = new NarWriter((chunk) => {
    hash.update(chunk);
    narSize += chunk.length;
  });
  try {
    writeTree(writer, hostPath, { filter, ...options });
  } catch (cause) {
    throw systemError(cause);
  }
  writer.end();
  return { narHash: { algorithm: 'sha256', hex: hash.digest('hex') }, narSize };
}

function writeTree(
  writer: NarWriter,
  root: string,
  { filter, caseHack }: { filter: SourceFilter | undefined; caseHack: boolean },
): void {
  const inArchive = (name: string) => (caseHack ? name.split(caseHackSuffix)[0]! : name);
  /** One for each open directory: its path and the names still to come, last first. */
  const open: { path: string; names: string[] }[] = [];
  const enter = (path: string, stats: Stats) => {
    if (stats.isDirectory()) {
      writer.write({ kind: 'directory' });
      const names = readdirSync(bytesOf(path), { encoding: 'buffer' }).map(decodeText);
      open.push({ path, names: names.sort((a, b) => compareText(inArchive(b), inArchive(a))) });
    } else {
      writeLeaf(writer, path, stats);
    }
  };
  enter(root, lstatSync(bytesOf(root)));
  for (let top = open.at(-1); top; top = open.at(-1)) {
    const name = top.names.pop();
    if (name === undefined) {
      open.pop();
      writer.write({ kind: 'directory-end' });
      continue;
    }
    const path = `${top.path === '/' ? '' : top.path}/${name}`;
    const stats = lstatSync(bytesOf(path));
    if (filter && !filter(path, typeOf(stats))) continue;
    writer.write({ kind: 'entry', name: inArchive(name) });
    enter(path, stats);
  }
}

function writeLeaf(writer: NarWriter, path: string, stats: Stats): void {
  if (stats.isSymbolicLink()) {
    const target = decodeText(readlinkSync(bytesOf(path), { encoding: 'buffer' }));
    writer.write({ kind: 'symlink', target });
  } else if (stats.isFile()) {
    writeFile(writer, path);
  } else {
    throw new AirplantError('ERR_UNSUPPORTED_FILE', `${quote(path)} is neither file, directory nor symlink`, {
      hint: 'Leave it out with a filter.',
      details: { path },
    });
  }
}

const chunkSize = 256 * 1024;

function writeFile(writer: NarWriter, path: string): void {
  // Should a pipe have taken the file's place meanwhile, opening it must not wait for a writer.
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const fd = openSync(bytesOf(path), flags);
  try {
    const stats = fstatSync(fd);
    if (!stats.isFile()) throw changed(path);
    const { size, mode } = stats;
    writer.write({ kind: 'regular', executable: (mode & 0o100) !== 0, size });
    const buffer = Buffer.allocUnsafe(Math.min(size, chunkSize));
    for (let rest = size; rest > 0; ) {
      const length = readSync(fd, buffer, 0, Math.min(rest, buffer.length), null);
      if (length === 0) throw changed(path);
      writer.write({ kind: 'data', chunk: buffer.subarray(0, length) });
      rest -= length;
    }
    if (readSync(fd, Buffer.alloc(1), 0, 1, null) !== 0) throw changed(path);
    writer.write({ kind: 'regular-end' });
  } finally {
    closeSync(fd);
  }
}

function typeOf(stats: Stats): SourceFileType {
  if (stats.isFile()) return 'regular';
  if (stats.isDirectory()) return 'directory';
  return stats.isSymbolicLink() ? 'symlink' : 'unknown';
}

/** A path for Node's file functions: names need not be UTF-8. */
function bytesOf(path: string): string | Buffer {
  return path.isWellFormed() ? path : encodeText(path);
}

function changed(path: string): AirplantError {
  return new AirplantError('ERR_FILE', `${quote(path)} changed while it was read`, { details: { path } });
}

/** Errors of the file system become ours; those of a filter stay as they are. */
function systemError(cause: unknown): unknown {
  if (!(cause instanceof Error) || cause instanceof AirplantError) return cause;
  const { code, syscall } = cause as NodeJS.ErrnoException;
  if (code === undefined || syscall === undefined) return cause;
  return new AirplantError('ERR_FILE', `a source cannot be read: ${cause.message}`, {
    cause,
    details: { errno: code, syscall },
  });
}
