import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { ElfFile } from './elf.js';

/** Directories a dynamic loader searches without being told by the program. */
export interface LoaderDirectories {
  /** Built into the loader, in order. */
  readonly standard: readonly string[];
  /** Named by /etc/ld.so.conf, in order. The loader knows of them only through its cache, which it asks first. */
  readonly configured: readonly string[];
}

/** The directories for programs of the class and machine of `elf`; `configured` are those of /etc/ld.so.conf. */
export function loaderDirectories(elf: ElfFile, configured: () => readonly string[]): LoaderDirectories {
  const multiarch = multiarchName(elf);
  const standard = [
    ...(multiarch === undefined ? [] : [`/lib/${multiarch}`, `/usr/lib/${multiarch}`]),
    ...(elf.bits === 64 ? ['/lib64', '/usr/lib64'] : []),
    ...(elf.machine === x86_64 && elf.bits === 32 ? ['/libx32', '/usr/libx32'] : []),
    '/lib',
    '/usr/lib',
  ];
  // musl has no cache and one more directory built in.
  if (elf.interpreter?.includes('/ld-musl-'))
    return { standard: [...standard, '/usr/local/lib'], configured: [] };
  return { standard, configured: configured() };
}

/**
 * What `$LIB` and `$PLATFORM` stand for in a DT_RPATH or DT_RUNPATH (ld.so(8)). Every distribution has its own `$LIB`;
 * all that are in use are given.
 */
export function loaderTokens(elf: ElfFile): { readonly lib: readonly string[]; readonly platform: string } {
  const multiarch = multiarchName(elf);
  return {
    lib: [
      ...(multiarch === undefined ? [] : [`lib/${multiarch}`]),
      ...(elf.bits === 64 ? ['lib64'] : []),
      'lib',
    ],
    platform: platforms[elf.machine] ?? '',
  };
}

/** Directories named by an ld.so.conf and the files it includes, in order. */
export function readLoaderConfiguration(path: string, seen = new Set<string>()): string[] {
  if (seen.has(path) || seen.size >= maxFiles) return [];
  seen.add(path);
  let lines: string[];
  try {
    lines = readFileSync(path, 'utf8').split('\n');
  } catch {
    return [];
  }
  return lines
    .map((line) => line.replace(/#.*/, '').trim())
    .flatMap((line) => {
      const pattern = /^include\s+(.+)$/.exec(line)?.[1];
      // `=libc6` after a directory is a notation of old.
      if (pattern === undefined) return line.startsWith('/') ? [line.replace(/=.*$/, '')] : [];
      return includedFiles(resolve(dirname(path), pattern)).flatMap((file) =>
        readLoaderConfiguration(file, seen),
      );
    });
}

const maxFiles = 1000;
const x86_64 = 62;

/** Names Debian's loaders have built in, by e_machine and word size. */
const multiarchNames: Readonly<Record<string, string>> = {
  '62/64': 'x86_64-linux-gnu',
  '62/32': 'x86_64-linux-gnux32',
  '3/32': 'i386-linux-gnu',
  '183/64': 'aarch64-linux-gnu',
  '40/32': 'arm-linux-gnueabihf',
  '243/64': 'riscv64-linux-gnu',
  '21/64': 'powerpc64le-linux-gnu',
  '22/64': 's390x-linux-gnu',
};

const platforms: Readonly<Record<number, string>> = {
  62: 'x86_64',
  3: 'i686',
  183: 'aarch64',
  40: 'v7l',
  22: 's390x',
};

function multiarchName({ machine, bits }: ElfFile): string | undefined {
  return multiarchNames[`${machine}/${bits}`];
}

/** Files a pattern with `*` in its last component names, sorted. */
function includedFiles(pattern: string): string[] {
  const directory = dirname(pattern);
  const name = pattern.slice(directory === '/' ? 1 : directory.length + 1);
  if (!name.includes('*')) return [pattern];
  const [first = '', ...rest] = name.split('*');
  const last = rest.pop() ?? '';
  const fits = (file: string) => {
    if (!file.startsWith(first) || file.length < first.length + last.length || !file.endsWith(last))
      return false;
    let at = first.length;
    for (const part of rest) {
      const next = file.indexOf(part, at);
      if (next < 0 || next + part.length > file.length - last.length) return false;
      at = next + part.length;
    }
    return true;
  };
  try {
    return readdirSync(directory)
      .filter(fits)
      .sort()
      .map((file) => join(directory, file));
  } catch {
    return [];
  }
}
