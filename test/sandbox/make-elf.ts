/** Parts of a made-up ELF file. */
export interface ElfParts {
  readonly bits: 32 | 64;
  readonly order: 'little' | 'big';
  readonly machine: number;
  readonly interpreter?: string;
  readonly needed?: readonly string[];
  readonly rpath?: string;
  readonly runpath?: string;
}

/** A small ELF file with program headers only, its one segment loaded at 0x10000. */
export function makeElf(parts: ElfParts): Buffer {
  const wide = parts.bits === 64;
  const number = (size: number) => (value: number) => {
    const bytes = Buffer.alloc(size);
    if (parts.order === 'little') bytes.writeUIntLE(value, 0, Math.min(size, 6));
    else bytes.writeUIntBE(value, size - Math.min(size, 6), Math.min(size, 6));
    return bytes;
  };
  const half = number(2);
  const word = number(4);
  const address = number(wide ? 8 : 4);

  const names = [...(parts.needed ?? []), parts.rpath ?? '', parts.runpath ?? ''];
  const strings = Buffer.from(`\0${names.map((name) => `${name}\0`).join('')}`);
  const nameAt = (index: number) =>
    1 +
    Buffer.byteLength(
      names
        .slice(0, index)
        .map((name) => `${name}\0`)
        .join(''),
    );

  const headerSize = wide ? 64 : 52;
  const segmentSize = wide ? 56 : 32;
  const dynamicNeeded = names.some((name) => name !== '');
  const segmentCount = 1 + (parts.interpreter === undefined ? 0 : 1) + (dynamicNeeded ? 1 : 0);
  const interpreter = Buffer.from(parts.interpreter === undefined ? '' : `${parts.interpreter}\0`);
  const interpreterAt = headerSize + segmentCount * segmentSize;
  const stringsAt = interpreterAt + interpreter.length;
  const dynamicAt = stringsAt + strings.length;
  const base = 0x10000;

  const needed = parts.needed ?? [];
  const tags: (readonly [number, number])[] = [
    ...needed.map((_, index) => [1, nameAt(index)] as const),
    ...(parts.rpath === undefined ? [] : [[15, nameAt(needed.length)] as const]),
    ...(parts.runpath === undefined ? [] : [[29, nameAt(needed.length + 1)] as const]),
    [5, base + stringsAt],
    [10, strings.length],
    [0, 0],
  ];
  const dynamic = dynamicNeeded
    ? Buffer.concat(tags.flatMap(([tag, value]) => [address(tag), address(value)]))
    : Buffer.alloc(0);
  const size = dynamicAt + dynamic.length;

  const segment = (type: number, offset: number, length: number) =>
    Buffer.concat(
      wide
        ? [word(type), word(0), ...[offset, base + offset, 0, length, length, 1].map(address)]
        : [word(type), ...[offset, base + offset, 0, length, length].map(address), word(0), address(1)],
    );
  return Buffer.concat([
    Buffer.from([
      0x7f,
      0x45,
      0x4c,
      0x46,
      wide ? 2 : 1,
      parts.order === 'little' ? 1 : 2,
      1,
      ...Array(9).fill(0),
    ]),
    half(2),
    half(parts.machine),
    word(1),
    address(base),
    address(headerSize),
    address(0),
    word(0),
    half(headerSize),
    half(segmentSize),
    half(segmentCount),
    half(0),
    half(0),
    half(0),
    segment(1, 0, size),
    ...(parts.interpreter === undefined ? [] : [segment(3, interpreterAt, interpreter.length)]),
    ...(dynamicNeeded ? [segment(2, dynamicAt, dynamic.length)] : []),
    interpreter,
    strings,
    dynamic,
  ]);
}
