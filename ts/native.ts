import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AirplantError } from './base/errors.js';
import type { HashAlgorithm } from './formats/hash.js';
import type { SandboxSpec } from './sandbox/spec.js';

/** A path or name: a string as `base/text.ts` decodes byte strings, or the bytes themselves. */
export type NativePath = string | Uint8Array;

/**
 * The only file that loads the addon. Prebuilt binaries (`prebuilds/<platform>-<arch>[-musl]/`) come first, then
 * what `npm run build:native` compiled.
 *
 * Every native function throws (or rejects with) an `Error` that carries `code` (errno name), `errno`, `syscall`
 * and `path`, as Node's own file functions do; paths in them are strings of `base/text.ts`. Arguments of a wrong
 * type are a TypeError, thrown at once. The last component of a path is never followed if it is a symlink.
 *
 * Promises run on threads of their own, not on libuv's; as many as there are processors hash, copy or make canonical
 * at a time, the rest waits. Dumping and removing wait for others, and never for one another. Each tree is walked by
 * descriptors, in constant memory but for the names of one directory per level.
 *
 * An aborted `signal` stops the work itself within a few buffers, whatever the size of the file at hand, and rejects
 * with the signal's reason: nothing is read any more and no thread is left. Work that came to its end just before
 * still resolves.
 */
export interface NativeFileSystem {
  /**
   * flock(2) on an open descriptor. False means that another holder has it: waiting is not offered, as it would
   * block the event loop.
   */
  tryLock(fd: number, mode: 'shared' | 'exclusive'): boolean;
  unlock(fd: number): void;
  /**
   * One pass over the tree at `path`: the hash and length of its NAR, and which of `candidates` (32-character
   * hash parts; duplicates count once) occur in it. A NAR longer than `maxNarSize` bytes is `EFBIG`, noticed by the
   * size of files before they are read. Files that no NAR can hold are `EFTYPE` and are not opened; names longer
   * than 255 bytes and more than 64 files inside one another (`path` being the first) are `ENAMETOOLONG`, as no
   * reader would take them back; a file that changes while it is read is `EBUSY`.
   */
  hashTree(path: NativePath, candidates: readonly string[], options?: HashTreeOptions): Promise<TreeHash>;
  /**
   * Writes the NAR of `path` to an open descriptor (file, pipe or socket, blocking or not) and returns its length.
   * The descriptor must stay open until then. A reader that has gone away is `EPIPE`. Fails as hashTree does.
   */
  dumpTree(path: NativePath, fd: number, options?: DumpTreeOptions): Promise<number>;
  /**
   * Makes a tree canonical as Nix 2.8 does: regular files, directories and symlinks only (else `EFTYPE`), extended
   * attributes and access control lists removed, modes 0444 / 0555, mtime 1 (also of symlinks), owned by the
   * caller. Works on files of the caller whatever their mode is. A file that also has names outside the tree is
   * replaced by a copy, and the outside never changes. Stopped in the middle, a part of the tree is canonical.
   */
  canonicaliseTree(path: NativePath, options?: CancelOptions): Promise<void>;
  /**
   * Removes a tree of any depth and returns the bytes freed (blocks of files without another name). Missing = done,
   * 0. Gives itself permission on directories, never leaves the tree however files are renamed meanwhile, and never
   * crosses a mount point (`EXDEV`).
   */
  removeTree(path: NativePath): Promise<number>;
  /**
   * Copies a tree to new inodes (nothing shared with the source; `to` must not exist: `EEXIST`). Of modes only the
   * owner's x bit of files is kept. On failure, and when stopped, nothing is left at `to`.
   */
  copyTree(from: NativePath, to: NativePath, options?: CancelOptions): Promise<void>;
  /**
   * rename(2) that also moves read-only directories; `exchange` swaps both atomically (`ENOSYS` or `EINVAL` where
   * that is impossible), `no-replace` is `EEXIST` where `to` exists. Another file system is `EXDEV`.
   */
  moveTree(from: NativePath, to: NativePath, how: 'replace' | 'no-replace' | 'exchange'): void;
  /**
   * Looks for a socket, FIFO or device in the directory `path` (a symlink is followed) and all below it, mounts included.
   * Directories that are as they were when `known`, the `directories` of an earlier search (whole, or empty), was made
   * are not read again. Directories the caller may search but not read are `EACCES`, more than a million `EOVERFLOW`.
   */
  findSpecialFile(path: NativePath, known: Uint8Array): Promise<SpecialSearch>;

  /**
   * Opens an existing directory of the caller's (symlinks are followed) to create files in. This and the next three
   * are for restoring archives: `name` is a single path component (else `EINVAL`) that must not exist (`EEXIST`), so
   * nothing they are given leads anywhere else. Descriptors are closed with `fs.closeSync`.
   */
  openDirectory(path: NativePath): number;
  /** Makes a directory, mode 0777 under the umask, and returns its descriptor. */
  makeDirectoryAt(directory: number, name: NativePath): number;
  /** Makes a file, mode 0666 or 0777 under the umask, and returns a descriptor to write to. */
  createFileAt(directory: number, name: NativePath, executable: boolean): number;
  symlinkAt(target: NativePath, directory: number, name: NativePath): void;
}

/** How to stop work that can take hours. */
export interface CancelOptions {
  readonly signal?: AbortSignal | undefined;
}

export interface DumpTreeOptions extends CancelOptions {
  /**
   * Names are written without the suffix of the case hack (formats/nar/case-hack.ts); two that are the same then are
   * `EEXIST`, and a name that is nothing but the suffix is `EINVAL`. Default false.
   */
  readonly caseHack?: boolean;
}

export interface HashTreeOptions extends DumpTreeOptions {
  /** Default `sha256`. */
  readonly algorithm?: HashAlgorithm;
  /** Bytes; default 2^53 - 1. */
  readonly maxNarSize?: number;
}

export interface TreeHash {
  /** Lower-case hex. */
  readonly hash: string;
  readonly narSize: number;
  /** In the order of the candidates. */
  readonly references: readonly string[];
}

export interface SpecialSearch {
  /** The first one found, relative to the directory searched. */
  readonly found?: string;
  /** For the next search of the same directory on this machine; empty if something was found. */
  readonly directories: Uint8Array;
}

/** What starts the launcher and talks to it; `sandbox/launch.ts` makes sandboxes of it. Descriptors are owned by the caller. */
export interface NativeLauncher {
  /**
   * Forks, and executes the launcher at `path`. `control` is a stream socket on which it answers
   * (`sandbox/launcher-reply.ts`); closing it ends the launcher and all its sandboxes.
   */
  startLauncher(path: string): { readonly pid: number; readonly control: number };
  /** Kills the launcher if it still runs; returns its wait status as waitpid(2) has it. */
  reapLauncher(pid: number): number;
  /** A pseudo-terminal in raw mode; both ends close-on-exec, reads of the master never wait (EAGAIN). */
  openPty(): { readonly master: number; readonly slave: number };
  /** Reads what a non-blocking descriptor has, into `buffer`; 0 when there is nothing more, and for every error. */
  readAvailable(fd: number, buffer: Uint8Array): number;
  /** The version of Landlock's interface in this kernel; 0 where there is none. */
  landlockAbi(): number;
  /**
   * Asks for a sandbox. `run` names it in replies; `stdio` is one descriptor for standard output and error (standard
   * input is /dev/null then), or all three. A TypeError names the field of `spec` that is wrong.
   */
  sendLaunch(control: number, run: number, spec: SandboxSpec, stdio: readonly number[]): void;
  /** Asks for the death of everything in a sandbox. One that has ended is ignored. */
  sendKill(control: number, run: number): void;
  /** Sends SIGTERM to everything in a sandbox, which may take its time; its end is reported as that of a kill. */
  sendTerminate(control: number, run: number): void;
  /** Asks for a directory to be removed if this process dies before `sendUnguard` of the same number. */
  sendGuard(control: number, guard: number, path: NativePath): void;
  sendUnguard(control: number, guard: number): void;
}

// What CommonJS is, `import` would scan for its exports first: that takes longer than to load it.
const require = createRequire(import.meta.url);

const packageRoot = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** The addon's handle on work that can be cancelled; several pieces of work may share one. */
type Cancellation = object & { readonly __cancellation: never };

/** What can be cancelled takes a Cancellation last. `path` is the file it was loaded from, which `bindings` adds. */
interface NativeAddon extends Omit<NativeFileSystem, keyof Cancellable>, NativeLauncher, Cancellable {
  readonly path: string;
  newCancellation(): Cancellation;
  cancel(cancellation: Cancellation): void;
}

interface Cancellable {
  hashTree(
    path: NativePath,
    candidates: readonly string[],
    options: Omit<HashTreeOptions, 'signal'>,
    cancellation?: Cancellation,
  ): Promise<TreeHash>;
  dumpTree(
    path: NativePath,
    fd: number,
    options: Omit<DumpTreeOptions, 'signal'>,
    cancellation?: Cancellation,
  ): Promise<number>;
  canonicaliseTree(path: NativePath, cancellation?: Cancellation): Promise<void>;
  copyTree(from: NativePath, to: NativePath, cancellation?: Cancellation): Promise<void>;
}

const addon = load();

export const native: NativeFileSystem & NativeLauncher = {
  ...addon,
  hashTree: (path, candidates, { signal, ...options } = {}) =>
    cancellable(signal, (cancellation) => addon.hashTree(path, candidates, options, cancellation)),
  dumpTree: (path, fd, { signal, ...options } = {}) =>
    cancellable(signal, (cancellation) => addon.dumpTree(path, fd, options, cancellation)),
  canonicaliseTree: (path, { signal } = {}) =>
    cancellable(signal, (cancellation) => addon.canonicaliseTree(path, cancellation)),
  copyTree: (from, to, { signal } = {}) =>
    cancellable(signal, (cancellation) => addon.copyTree(from, to, cancellation)),
};

/** The launcher executable that belongs to the loaded addon; it lies beside it. */
export const launcherPath: string = join(dirname(addon.path), 'airplant-launcher');

/** Not an async function: wrong arguments are thrown at once. */
function cancellable<T>(
  signal: AbortSignal | undefined,
  start: (cancellation?: Cancellation) => Promise<T>,
): Promise<T> {
  if (!signal) return start();
  if (signal.aborted) return Promise.reject(signal.reason);
  const cancellation = addon.newCancellation();
  const work = start(cancellation);
  const cancel = () => addon.cancel(cancellation);
  signal.addEventListener('abort', cancel, { once: true });
  return work
    .catch((error: NodeJS.ErrnoException) => {
      throw signal.aborted && error.code === 'ECANCELED' ? signal.reason : error;
    })
    .finally(() => signal.removeEventListener('abort', cancel));
}

function load(): NativeAddon {
  try {
    const bindings = require('bindings') as typeof import('bindings');
    return bindings({ bindings: 'airplant.node', module_root: packageRoot }) as NativeAddon;
  } catch (cause) {
    throw new AirplantError(
      'ERR_NATIVE_MISSING',
      `the native part of airplant cannot be loaded from ${packageRoot}`,
      {
        cause,
      },
    );
  }
}
