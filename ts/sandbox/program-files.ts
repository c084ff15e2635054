import { readdirSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { type ElfFile, readElf } from './elf.js';
import type { HostPath } from './request.js';

/** A file as it lies on the host (all symlinks resolved) and as the sandbox will name it. */
export interface PlacedFile {
  readonly source: string;
  readonly target: string;
}

/** The part of the host that a dynamic loader looks at. */
export interface LoaderFiles {
  /** Undefined for what is no well-formed ELF file. */
  readElf(path: string): ElfFile | undefined;
  /** The path without symlinks, or undefined if there is nothing. */
  realPath(path: string): string | undefined;
  /** Directories of /etc/ld.so.conf, in order. */
  configuredDirectories(): readonly string[];
}

/**
 * What a dynamically linked program needs to start: its loader and, transitively, its libraries, found by the
 * rules of ld.so(8) (DT_RPATH, DT_RUNPATH, $ORIGIN, standard directories, ld.so.conf). Each is to be bound at the
 * very path where the loader in the sandbox will look. Empty for a static program, undefined for a file that is no
 * ELF program or one with a library that cannot be found.
 */
export function programFiles(files: LoaderFiles, program: PlacedFile): HostPath[] | undefined {
  const elf = files.readElf(program.source);
  if (!elf) return undefined;
  if (elf.interpreter === undefined) return elf.needed.length === 0 ? [] : undefined;
  const loader = files.realPath(elf.interpreter);
  if (loader === undefined || !elf.interpreter.startsWith('/')) return undefined;

  const why = `needed by ${program.target}`;
  const found = new Map<string, HostPath>();
  const add = ({ source, target }: PlacedFile) =>
    found.set(target, { source, target, optional: false, readOnly: true, why });
  add({ source: loader, target: elf.interpreter });

  const system = systemDirectories(files, elf);
  const seen = new Set<string>();
  const queue: Loaded[] = [{ ...program, elf, rpaths: [] }];
  for (let object = queue.shift(); object; object = queue.shift()) {
    for (const name of object.elf.needed) {
      if (seen.has(name)) continue;
      if (seen.size >= maxLibraries) return undefined;
      seen.add(name);
      const library = findLibrary(files, { name, object, system });
      if (!library) return undefined;
      if (library.source !== loader) add(library);
      if (library.cached) add({ source: loaderCache, target: loaderCache });
      queue.push({ ...library, rpaths: inheritedRpaths(object) });
    }
  }
  return [...found.values()];
}

/** What `programFiles` asks, answered by this machine. */
export const hostLoaderFiles: LoaderFiles = {
  readElf,
  realPath(path) {
    try {
      return realpathSync.native(path);
    } catch {
      return undefined;
    }
  },
  configuredDirectories() {
    return readLoaderConfiguration('/etc/ld.so.conf');
  },
};

const loaderCache = '/etc/ld.so.cache';
const maxLibraries = 500;

/** A program or library whose own needs are to be found. */
interface Loaded extends PlacedFile {
  readonly elf: ElfFile;
  /** DT_RPATH directories of what loaded it, nearest first; they hold for its libraries too. */
  readonly rpaths: readonly PlacedFile[];
}

interface SystemDirectories {
  /** Searched by the loader without being told. */
  readonly standard: readonly string[];
  /** Found by the loader only through its cache. */
  readonly configured: readonly string[];
}

/** Names Debian's loaders have built in, by e_machine and word size. */
const multiarchNames: Readonly<Record<string, string>> = {
  '62/64': 'x86_64-linux-gnu',
  '3/32': 'i386-linux-gnu',
  '183/64': 'aarch64-linux-gnu',
  '40/32': 'arm-linux-gnueabihf',
  '243/64': 'riscv64-linux-gnu',
  '21/64': 'powerpc64le-linux-gnu',
  '22/64': 's390x-linux-gnu',
};

function systemDirectories(files: LoaderFiles, elf: ElfFile): SystemDirectories {
  const multiarch = multiarchNames[`${elf.machine}/${elf.bits}`];
  const standard = [
    ...(multiarch === undefined ? [] : [`/lib/${multiarch}`, `/usr/lib/${multiarch}`]),
    ...(elf.bits === 64 ? ['/lib64', '/usr/lib64'] : []),
    '/lib',
    '/usr/lib',
  ];
  // musl has no cache and one more directory built in.
  if (elf.interpreter?.includes('/ld-musl-'))
    return { standard: [...standard, '/usr/local/lib'], configured: [] };
  return { standard, configured: files.configuredDirectories() };
}

function findLibrary(
  files: LoaderFiles,
  wanted: { name: string; object: Loaded; system: SystemDirectories },
): (PlacedFile & { elf: ElfFile; cached: boolean }) | undefined {
  const { name, object, system } = wanted;
  const fits = (file: PlacedFile, cached: boolean) => {
    const source = files.realPath(file.source);
    const elf = source === undefined ? undefined : files.readElf(source);
    if (source === undefined || elf?.machine !== object.elf.machine || elf.bits !== object.elf.bits)
      return undefined;
    return { source, target: file.target, elf, cached };
  };
  // A name with a slash is a path.
  if (name.includes('/'))
    return name.startsWith('/') ? fits({ source: name, target: name }, false) : undefined;

  const same = (directory: string) => ({ source: directory, target: directory });
  const own =
    object.elf.runpath.length > 0 ? expandOrigins(object.elf.runpath, object) : inheritedRpaths(object);
  const places = [
    ...own.map((directory) => ({ directory, cached: false })),
    ...system.standard.map((directory) => ({ directory: same(directory), cached: false })),
    ...system.configured.map((directory) => ({ directory: same(directory), cached: true })),
  ];
  for (const { directory, cached } of places) {
    const file = { source: join(directory.source, name), target: join(directory.target, name) };
    const library = fits(file, cached);
    if (library) return library;
  }
  return undefined;
}

/** The DT_RPATH directories that hold for the libraries of `object`: its own, unless it has a DT_RUNPATH, and its loaders'. */
function inheritedRpaths(object: Loaded): PlacedFile[] {
  if (object.elf.runpath.length > 0) return [...object.rpaths];
  return [...expandOrigins(object.elf.rpath, object), ...object.rpaths];
}

/** $ORIGIN is the object's own directory: the real one on the host, the one it is shown in inside the sandbox. */
function expandOrigins(directories: readonly string[], object: PlacedFile): PlacedFile[] {
  const expand = (directory: string, file: string) =>
    resolve(
      '/',
      directory.replaceAll(/\$ORIGIN\b|\$\{ORIGIN\}/g, () => dirname(file)),
    );
  return directories
    .filter((directory) => directory.startsWith('/') || directory.startsWith('$'))
    .map((directory) => ({
      source: expand(directory, object.source),
      target: expand(directory, object.target),
    }));
}

/** Directories named by an ld.so.conf and the files it includes (one level, as distributions use it). */
function readLoaderConfiguration(path: string, depth = 0): string[] {
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
      if (pattern === undefined) return line.startsWith('/') ? [line] : [];
      if (depth > 0) return [];
      return includedFiles(resolve(dirname(path), pattern)).flatMap((file) =>
        readLoaderConfiguration(file, 1),
      );
    });
}

/** Files a pattern with one `*` in its last component names, sorted. */
function includedFiles(pattern: string): string[] {
  const directory = dirname(pattern);
  const [before, after, ...more] = pattern.slice(directory.length + 1).split('*');
  if (before === undefined || after === undefined || more.length > 0) return [pattern];
  try {
    return readdirSync(directory)
      .filter((name) => name.startsWith(before) && name.endsWith(after))
      .sort()
      .map((name) => join(directory, name));
  } catch {
    return [];
  }
}
