import { decodeText } from '../base/text.js';
import { type ReadAt, readProgram } from './read-program.js';

/** What the dynamic loader needs to know of a program or library (ELF gABI, chapters 4 and 5). */
export interface ElfFile {
  readonly bits: 32 | 64;
  /** `e_machine`: 62 is x86-64, 183 aarch64, 3 i386. */
  readonly machine: number;
  /** PT_INTERP: absolute path of the dynamic loader. A program without one starts on its own (static). */
  readonly interpreter?: string;
  /** DT_NEEDED in order: names of libraries, or paths where they hold a slash. */
  readonly needed: readonly string[];
  /** DT_RPATH split at colons; the loader ignores it where there is a DT_RUNPATH. */
  readonly rpath: readonly string[];
  /** DT_RUNPATH split at colons. */
  readonly runpath: readonly string[];
}

/**
 * Reads the ELF file at `path`, following symlinks; undefined if it cannot be read, is no regular file, or is not a
 * well-formed ELF file.
 */
export function readElf(path: string): ElfFile | undefined {
  return readProgram(path, parseElf);
}

/**
 * The same from any source of bytes. Whatever the bytes are, it reads at most a few hundred KiB and gives undefined
 * for what is not well-formed.
 */
export function parseElf(read: ReadAt): ElfFile | undefined {
  const header = parseHeader(read(0, 64));
  if (!header) return undefined;
  const { fields } = header;
  const segments = parseSegments(read, header);
  if (!segments) return undefined;

  const base: ElfFile = { bits: header.bits, machine: header.machine, needed: [], rpath: [], runpath: [] };
  const interp = segments.find(({ type }) => type === PT_INTERP);
  if (interp && (interp.fileSize < 2 || interp.fileSize > maxString)) return undefined;
  const interpreter = interp && readString(read(interp.offset, interp.fileSize), 0);
  if (interp && interpreter === undefined) return undefined;
  const withInterpreter: ElfFile = interpreter === undefined ? base : { ...base, interpreter };

  const dynamic = segments.find(({ type }) => type === PT_DYNAMIC);
  if (!dynamic) return withInterpreter;
  const tags = parseDynamic(fields, read(dynamic.offset, Math.min(dynamic.fileSize, maxDynamic)));
  const names = readNames(read, segments, tags);
  return names && { ...withInterpreter, ...names };
}

const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const PT_INTERP = 3;
const DT_NULL = 0;
const DT_NEEDED = 1;
const DT_STRTAB = 5;
const DT_STRSZ = 10;
const DT_RPATH = 15;
const DT_RUNPATH = 29;

/** Far above what linkers write, far below what would hurt. */
const maxSegments = 1024;
const maxDynamic = 64 * 1024;
const maxString = 4096;
const maxNeeded = 512;

/** Numbers of the file's own width and byte order. */
interface Fields {
  readonly wide: boolean;
  half(bytes: Buffer, at: number): number;
  word(bytes: Buffer, at: number): number;
  /** An address or offset; Infinity where it is no safe integer, which no later check accepts. */
  address(bytes: Buffer, at: number): number;
}

interface Header {
  readonly bits: 32 | 64;
  readonly machine: number;
  readonly fields: Fields;
  readonly segmentOffset: number;
  readonly segmentSize: number;
  readonly segmentCount: number;
}

interface Segment {
  readonly type: number;
  readonly offset: number;
  readonly address: number;
  readonly fileSize: number;
}

interface Tag {
  readonly tag: number;
  readonly value: number;
}

function parseHeader(bytes: Buffer): Header | undefined {
  if (bytes.length < 52 || bytes.readUInt32BE(0) !== 0x7f454c46) return undefined;
  const [width, order] = [bytes[4], bytes[5]];
  if ((width !== 1 && width !== 2) || (order !== 1 && order !== 2)) return undefined;
  const wide = width === 2;
  if (wide && bytes.length < 64) return undefined;
  const fields = fieldsOf(wide, order === 1);
  return {
    bits: wide ? 64 : 32,
    machine: fields.half(bytes, 18),
    fields,
    segmentOffset: fields.address(bytes, wide ? 32 : 28),
    segmentSize: fields.half(bytes, wide ? 54 : 42),
    segmentCount: fields.half(bytes, wide ? 56 : 44),
  };
}

function fieldsOf(wide: boolean, little: boolean): Fields {
  const half = (bytes: Buffer, at: number) => (little ? bytes.readUInt16LE(at) : bytes.readUInt16BE(at));
  const word = (bytes: Buffer, at: number) => (little ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at));
  const address = (bytes: Buffer, at: number) => {
    if (!wide) return word(bytes, at);
    const value = little ? bytes.readBigUInt64LE(at) : bytes.readBigUInt64BE(at);
    return value > BigInt(Number.MAX_SAFE_INTEGER) ? Number.POSITIVE_INFINITY : Number(value);
  };
  return { wide, half, word, address };
}

function parseSegments(read: ReadAt, header: Header): Segment[] | undefined {
  const { fields, segmentOffset, segmentSize, segmentCount } = header;
  const expected = fields.wide ? 56 : 32;
  if (segmentCount === 0 || segmentCount > maxSegments || segmentSize !== expected) return undefined;
  if (!Number.isFinite(segmentOffset)) return undefined;
  const table = read(segmentOffset, segmentCount * segmentSize);
  if (table.length < segmentCount * segmentSize) return undefined;
  const segments: Segment[] = [];
  for (let at = 0; at < table.length; at += segmentSize) {
    const segment = {
      type: fields.word(table, at),
      offset: fields.address(table, at + (fields.wide ? 8 : 4)),
      address: fields.address(table, at + (fields.wide ? 16 : 8)),
      fileSize: fields.address(table, at + (fields.wide ? 32 : 16)),
    };
    if (Number.isFinite(segment.offset) && Number.isFinite(segment.fileSize)) segments.push(segment);
  }
  return segments;
}

function parseDynamic(fields: Fields, bytes: Buffer): Tag[] {
  const size = fields.wide ? 16 : 8;
  const tags: Tag[] = [];
  for (let at = 0; at + size <= bytes.length; at += size) {
    const tag = fields.address(bytes, at);
    if (tag === DT_NULL) break;
    tags.push({ tag, value: fields.address(bytes, at + size / 2) });
  }
  return tags;
}

function readNames(
  read: ReadAt,
  segments: readonly Segment[],
  tags: readonly Tag[],
): Pick<ElfFile, 'needed' | 'rpath' | 'runpath'> | undefined {
  const wanted = tags.filter(({ tag }) => tag === DT_NEEDED || tag === DT_RPATH || tag === DT_RUNPATH);
  if (wanted.length === 0) return { needed: [], rpath: [], runpath: [] };
  if (wanted.length > maxNeeded) return undefined;
  const tableAddress = tags.find(({ tag }) => tag === DT_STRTAB)?.value;
  const tableSize = tags.find(({ tag }) => tag === DT_STRSZ)?.value;
  if (tableAddress === undefined || tableSize === undefined) return undefined;
  const tableOffset = fileOffset(segments, tableAddress);
  if (tableOffset === undefined) return undefined;

  const names = new Map<number, string[]>([
    [DT_NEEDED, []],
    [DT_RPATH, []],
    [DT_RUNPATH, []],
  ]);
  for (const { tag, value } of wanted) {
    if (!(value < tableSize)) return undefined;
    const name = readString(read(tableOffset + value, Math.min(maxString, tableSize - value)), 0);
    if (name === undefined) return undefined;
    names.get(tag)!.push(name);
  }
  const paths = (tag: number) => names.get(tag)!.flatMap((list) => list.split(':').filter(Boolean));
  return { needed: names.get(DT_NEEDED)!, rpath: paths(DT_RPATH), runpath: paths(DT_RUNPATH) };
}

/** Where in the file the byte lies that is loaded at `address`. */
function fileOffset(segments: readonly Segment[], address: number): number | undefined {
  const home = segments.find(
    (segment) =>
      segment.type === PT_LOAD && address >= segment.address && address < segment.address + segment.fileSize,
  );
  return home && home.offset + (address - home.address);
}

/** The NUL-terminated string at `start`, or undefined if nothing ends it. */
function readString(bytes: Buffer, start: number): string | undefined {
  const end = bytes.indexOf(0, start);
  return end < 0 ? undefined : decodeText(bytes.subarray(start, end));
}
