import { type BigIntStats, realpathSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { type ElfFile, readElf } from './elf.js';
import {
  type LoaderDirectories,
  loaderDirectories,
  loaderTokens,
  readLoaderConfiguration,
} from './loader-directories.js';
import type { HostPath } from './request.js';
import { readScriptInterpreter } from './script.js';

/** A file as it lies on the host (all symlinks resolved) and as the sandbox will name it. */
export interface PlacedFile {
  readonly source: string;
  readonly target: string;
}

/** The part of the host that a dynamic loader looks at. */
export interface LoaderFiles {
  /** Undefined for what is no well-formed ELF file. */
  readElf(path: string): ElfFile | undefined;
  /** The interpreter of a script, undefined for what is none. */
  readScriptInterpreter(path: string): string | undefined;
  /** The path without symlinks, or undefined if there is nothing. */
  realPath(path: string): string | undefined;
  /** Directories of /etc/ld.so.conf, in order. */
  configuredDirectories(): readonly string[];
}

/** What a file needs to be executed, besides itself. */
export interface ProgramFiles {
  readonly paths: readonly HostPath[];
  /** What was not found on the host, in words: `libx.so, a library of /bin/prog`. The program will not start. */
  readonly missing: readonly string[];
}

/**
 * What a program needs to start. Of a dynamically linked program or a library: its loader and, transitively, its
 * libraries, found by the rules of ld.so(8) (DT_RPATH, DT_RUNPATH with $ORIGIN, $LIB and $PLATFORM, ld.so.conf,
 * standard directories). Of a script: its interpreter, with what that needs. Each is to be bound at the very path where
 * the loader in the sandbox will look. Nothing for a static program, and for a file that is no program at all.
 *
 * What a program opens later on its own (plugins, locales, its compiler proper) is not known here. Whatever the
 * files hold, the search ends after a bounded number of steps.
 */
export function programFiles(files: LoaderFiles, program: PlacedFile): ProgramFiles {
  const search: Search = { files, found: new Map(), missing: [], lookups: maxLookups };
  addNeeds(search, program, program.target, 0);
  return { paths: [...search.found.values()], missing: search.missing };
}

/** What `programFiles` asks, answered by this machine. ELF files are read once, as long as they stay the same. */
export const hostLoaderFiles: LoaderFiles = {
  readElf: readElfOnce,
  readScriptInterpreter,
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
/** Far above what a real program takes: a browser comes to some thousands. */
const maxLookups = 20_000;
/** As many interpreters of interpreters as the kernel follows. */
const maxInterpreters = 4;

interface Search {
  readonly files: LoaderFiles;
  readonly found: Map<string, HostPath>;
  readonly missing: string[];
  /** Files that may still be looked for. */
  lookups: number;
}

/** A program or library whose own needs are to be found. */
interface Loaded {
  /** As the sandbox will name it. */
  readonly target: string;
  readonly elf: ElfFile;
  /** What $ORIGIN stands for. */
  readonly origin: PlacedFile;
  /** DT_RPATH directories of what loaded it, nearest first; they hold for its libraries too. */
  readonly rpaths: readonly PlacedFile[];
}

interface Library extends Loaded {
  readonly source: string;
  /** The loader finds it only by its cache. */
  readonly cached: boolean;
}

function addNeeds(search: Search, program: PlacedFile, user: string, depth: number): void {
  const elf = search.files.readElf(program.source);
  if (elf) {
    addElfNeeds(search, { ...program, elf }, user);
    return;
  }
  const interpreter = search.files.readScriptInterpreter(program.source);
  if (interpreter === undefined || depth >= maxInterpreters) return;
  const source = search.files.realPath(interpreter);
  if (source === undefined) {
    search.missing.push(`${interpreter}, the interpreter of ${program.target}`);
    return;
  }
  add(
    search,
    { source, target: interpreter },
    `the interpreter of ${program.target}${neededBy(program.target, user)}`,
  );
  addNeeds(search, { source, target: interpreter }, user, depth + 1);
}

function addElfNeeds(search: Search, program: PlacedFile & { readonly elf: ElfFile }, user: string): void {
  const { files } = search;
  const { elf, target } = program;
  let loader: string | undefined;
  if (elf.interpreter !== undefined) {
    loader = elf.interpreter.startsWith('/') ? files.realPath(elf.interpreter) : undefined;
    if (loader === undefined) search.missing.push(`${elf.interpreter}, the loader of ${target}`);
    else
      add(
        search,
        { source: loader, target: elf.interpreter },
        `the loader of ${target}${neededBy(target, user)}`,
      );
  }
  const system = loaderDirectories(elf, () => files.configuredDirectories());
  const seen = new Set<string>();
  const origin = { source: dirname(program.source), target: dirname(target) };
  const queue: Loaded[] = [{ target, elf, origin, rpaths: [] }];
  for (let object = queue.shift(); object; object = queue.shift()) {
    for (const name of object.elf.needed) {
      if (seen.has(name)) continue;
      seen.add(name);
      const what = `a library of ${object.target}${neededBy(object.target, user)}`;
      const library = seen.size <= maxLibraries ? findLibrary(search, { name, object, system }) : undefined;
      if (!library) {
        search.missing.push(`${name}, ${what}`);
        continue;
      }
      if (library.source !== loader) add(search, library, what);
      if (library.cached) {
        const cache = { source: files.realPath(loaderCache) ?? loaderCache, target: loaderCache };
        add(search, cache, `where the loader finds ${name}`);
      }
      queue.push(library);
    }
  }
}

function neededBy(object: string, user: string): string {
  return object === user ? '' : `, needed by ${user}`;
}

function add({ found }: Search, { source, target }: PlacedFile, why: string): void {
  if (!found.has(target)) found.set(target, { source, target, optional: false, readOnly: true, why });
}

function findLibrary(
  search: Search,
  wanted: { name: string; object: Loaded; system: LoaderDirectories },
): Library | undefined {
  const { name, object, system } = wanted;
  const fits = (file: PlacedFile, cached: boolean): Library | undefined => {
    if (search.lookups-- <= 0) return undefined;
    const source = search.files.realPath(file.source);
    const elf = source === undefined ? undefined : search.files.readElf(source);
    if (source === undefined || elf?.machine !== object.elf.machine || elf.bits !== object.elf.bits)
      return undefined;
    const origin = { source: dirname(file.source), target: dirname(file.target) };
    return { source, target: file.target, elf, origin, rpaths: inheritedRpaths(object), cached };
  };
  // A name with a slash is a path.
  if (name.includes('/'))
    return name.startsWith('/') ? fits({ source: name, target: name }, false) : undefined;

  const same = (directory: string) => ({ source: directory, target: directory });
  const own =
    object.elf.runpath.length > 0 ? expandTokens(object.elf.runpath, object) : inheritedRpaths(object);
  const places = [
    ...own.map((directory) => ({ directory, cached: false })),
    ...system.configured.map((directory) => ({
      directory: same(directory),
      cached: !system.standard.includes(directory),
    })),
    ...system.standard.map((directory) => ({ directory: same(directory), cached: false })),
  ];
  for (const { directory, cached } of places) {
    const file = { source: join(directory.source, name), target: join(directory.target, name) };
    const library = fits(file, cached);
    if (library) return library;
    if (search.lookups <= 0) return undefined;
  }
  return undefined;
}

/** The DT_RPATH directories that hold for the libraries of `object`: its own, unless it has a DT_RUNPATH, and its loaders'. */
function inheritedRpaths(object: Loaded): PlacedFile[] {
  if (object.elf.runpath.length > 0) return [...object.rpaths];
  return [...expandTokens(object.elf.rpath, object), ...object.rpaths].slice(0, maxDirectories);
}

const maxDirectories = 1000;

/** $ORIGIN is the object's own directory: the one on the host, and the one it is shown in inside the sandbox. */
function expandTokens(directories: readonly string[], { elf, origin }: Loaded): PlacedFile[] {
  const { lib, platform } = loaderTokens(elf);
  const replace = (text: string, token: string, value: string) =>
    text.replaceAll(new RegExp(`\\$${token}\\b|\\$\\{${token}\\}`, 'g'), () => value);
  return directories
    .slice(0, maxDirectories)
    .filter((directory) => directory.startsWith('/') || directory.startsWith('$'))
    .map((directory) => replace(directory, 'PLATFORM', platform))
    .flatMap((directory) => {
      const variants = lib.map((value) => replace(directory, 'LIB', value));
      return [...new Set(variants)];
    })
    .map((directory) => ({
      source: resolve('/', replace(directory, 'ORIGIN', origin.source)),
      target: resolve('/', replace(directory, 'ORIGIN', origin.target)),
    }));
}

/** What was read of an ELF file, by its inode and what changes when the file does. */
const known = new Map<string, ElfFile | undefined>();
const maxKnown = 4096;

function readElfOnce(path: string): ElfFile | undefined {
  let stats: BigIntStats;
  try {
    stats = statSync(path, { bigint: true });
  } catch {
    return undefined;
  }
  const key = `${stats.dev}:${stats.ino}:${stats.mtimeNs}:${stats.size}`;
  if (known.has(key)) return known.get(key);
  if (known.size >= maxKnown) known.clear();
  const elf = readElf(path);
  known.set(key, elf);
  return elf;
}
