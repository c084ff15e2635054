import { decodeText } from '../../../base/text.js';
import { type Format, mostParts, type Part } from './part.js';

/** An archive of `ar`, GNU's or BSD's (a static library, a Debian package). Thin ones hold no contents. */
export const ar: Format = { name: 'ar', read };

function read(bytes: Buffer): Part[] | undefined {
  const magic = bytes.toString('latin1', 0, 8);
  const thin = magic === '!<thin>\n';
  if (magic !== '!<arch>\n' && !thin) return undefined;
  const parts: Part[] = [];
  let longNames: Buffer = Buffer.alloc(0);
  for (let at = 8; at < bytes.length; ) {
    const header = bytes.toString('latin1', at, at + headerLength);
    const field = (start: number, end: number) => header.slice(start, end).trimEnd();
    if (header.slice(58) !== '`\n') return undefined;
    const name = field(0, 16);
    const size = Number(field(48, 58) || Number.NaN);
    const isTable = name === '/' || name === '//' || name === '/SYM64/';
    const start = at + headerLength;
    const end = start + (thin && !isTable ? 0 : size);
    if (!Number.isSafeInteger(size) || size < 0 || end > bytes.length || parts.length === mostParts)
      return undefined;
    let raw = bytes.subarray(start, end);
    at = end + (end % 2);
    if (name === '//') {
      longNames = raw;
      continue;
    }
    let shown = memberName(name, longNames);
    const bsdName = /^#1\/(\d{1,5})$/.exec(name);
    if (bsdName) {
      const length = Math.min(Number(bsdName[1]), raw.length);
      shown = decodeText(raw.subarray(0, length)).replace(/\0+$/, '');
      raw = raw.subarray(length);
    }
    const isSymbols = isTable || shown.startsWith('__.SYMDEF');
    parts.push({
      name: isSymbols ? 'symbol table' : `member ${shown}`,
      fields: { mtime: field(16, 28), uid: field(28, 34), gid: field(34, 40), mode: field(40, 48) },
      raw,
      ...(isSymbols ? { derived: true } : {}),
    });
  }
  return parts;
}

const headerLength = 60;

/** GNU ends a short name in `/`, and writes `/OFFSET` where the name lies in the table of long ones. */
function memberName(name: string, longNames: Buffer): string {
  const long = /^\/(\d{1,10})$/.exec(name);
  if (!long) return name.replace(/\/$/, '');
  const start = Number(long[1]);
  const end = longNames.indexOf('\n', start);
  return decodeText(longNames.subarray(start, end < 0 ? longNames.length : end)).replace(/\/$/, '');
}
