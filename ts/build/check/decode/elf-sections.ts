import { decodeText } from '../../../base/text.js';
import type { Format, Part } from './part.js';

/** The sections of an ELF file (gABI, chapter 4). The build id and a debug link are computed from the others. */
export const elf: Format = { name: 'ELF', read };

function read(bytes: Buffer): Part[] | undefined {
  const table = findTable(bytes);
  if (!table) return undefined;
  const sections: Section[] = [];
  for (let i = 0; i < table.count; i++) {
    const section = readSection(table, table.offset + i * table.entryLength);
    if (!section || (section.type !== noBits && section.offset + section.size > bytes.length))
      return undefined;
    sections.push(section);
  }
  const names = sections[table.nameIndex];
  if (!names) return undefined;
  const nameTable = bytesOf(bytes, names);
  return sections
    .filter(({ type }) => type !== unused)
    .map((section) => partOf(section, sectionName(nameTable, section.name), bytesOf(bytes, section)));
}

interface Table {
  readonly view: DataView;
  readonly little: boolean;
  readonly wide: boolean;
  readonly offset: number;
  readonly entryLength: number;
  readonly count: number;
  readonly nameIndex: number;
}

interface Section {
  readonly name: number;
  readonly type: number;
  readonly flags: number;
  readonly offset: number;
  readonly size: number;
}

const unused = 0;
const stringTable = 3;
const noBits = 8;
const holdsStrings = 0x20;
const compressed = 0x800;
/** Above this the count lies elsewhere; such files are compared by their bytes. */
const mostSections = 0xff00;
const longestName = 256;
const computed: ReadonlySet<string> = new Set(['.note.gnu.build-id', '.gnu_debuglink']);

function findTable(bytes: Buffer): Table | undefined {
  if (bytes.length < 52 || bytes.readUInt32BE(0) !== 0x7f454c46) return undefined;
  const [width, order] = [bytes[4], bytes[5]];
  if ((width !== 1 && width !== 2) || (order !== 1 && order !== 2)) return undefined;
  const [wide, little] = [width === 2, order === 1];
  if (wide && bytes.length < 64) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const half = (at: number) => view.getUint16(at, little);
  const offset = wide ? Number(view.getBigUint64(40, little)) : view.getUint32(32, little);
  const [entryLength, count, nameIndex] = wide
    ? [half(58), half(60), half(62)]
    : [half(46), half(48), half(50)];
  if (entryLength !== (wide ? 64 : 40) || count === 0 || count > mostSections) return undefined;
  if (!(offset + count * entryLength <= bytes.length)) return undefined;
  return { view, little, wide, offset, entryLength, count, nameIndex };
}

function readSection({ view, little, wide }: Table, at: number): Section | undefined {
  const word = (field: number) => view.getUint32(at + field, little);
  const long = (field: number) => Number(view.getBigUint64(at + field, little));
  const [flags, offset, size] = wide ? [long(8), long(24), long(32)] : [word(8), word(16), word(20)];
  if (!Number.isSafeInteger(offset) || !Number.isSafeInteger(size)) return undefined;
  return { name: word(0), type: word(4), flags: flags % 2 ** 32, offset, size };
}

function bytesOf(bytes: Buffer, { type, offset, size }: Section): Buffer {
  return type === noBits ? bytes.subarray(0, 0) : bytes.subarray(offset, offset + size);
}

function sectionName(names: Buffer, at: number): string {
  const field = names.subarray(at, at + longestName);
  const end = field.indexOf(0);
  return decodeText(end < 0 ? field : field.subarray(0, end));
}

function partOf({ type, flags }: Section, name: string, raw: Buffer): Part {
  const strings = (type === stringTable || (flags & holdsStrings) !== 0) && (flags & compressed) === 0;
  return {
    name: `section ${name}`,
    fields: {},
    raw,
    ...(strings ? { strings } : {}),
    ...(computed.has(name) ? { derived: true } : {}),
  };
}
