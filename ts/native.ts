import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import bindings from 'bindings';
import { AirplantError } from './base/errors.js';
import type { SandboxSpec } from './sandbox/spec.js';

/**
 * The only file that loads the addon. Prebuilt binaries (`prebuilds/<platform>-<arch>[-musl]/`) come first, then
 * what `npm run build:native` compiled.
 *
 * Every native function throws (or rejects with) an `Error` that carries `code` (errno name), `errno`, `syscall`
 * and `path`, as Node's own file functions do.
 */
export interface NativeFileSystem {
  /**
   * flock(2) on an open descriptor. With `wait: false` false means that another holder has it; `wait: true` is
   * not offered here: waiting would block the event loop.
   */
  tryLock(fd: number, mode: 'shared' | 'exclusive'): boolean;
  unlock(fd: number): void;
  /**
   * One pass over the tree at `path` (never following symlinks), off the main thread: the SHA-256 and length of
   * its NAR, and which of `candidates` (32-character hash parts) occur in it.
   */
  hashTree(path: string, candidates: readonly string[]): Promise<TreeHash>;
  /** Writes the NAR of `path` to an open descriptor, off the main thread, in constant memory. Returns its length. */
  dumpTree(path: string, fd: number): Promise<number>;
  /**
   * Makes a tree canonical as Nix does: types regular, directory, symlink only (else code `EFTYPE` with the
   * path), extended attributes removed, modes 0444 / 0555, mtime 1, also of symlinks.
   */
  canonicaliseTree(path: string): Promise<void>;
  /** Removes a tree by descriptors, giving itself write permission on directories as needed. Missing = done. */
  removeTree(path: string): Promise<void>;
  /** Copies a tree to new inodes (nothing shared with the source; `to` must not exist). */
  copyTree(from: string, to: string): Promise<void>;
  /** rename(2) that also moves read-only directories; `exchange` swaps both atomically (renameat2). */
  moveTree(from: string, to: string, how: 'replace' | 'no-replace' | 'exchange'): void;
}

export interface TreeHash {
  /** Lower-case hex. */
  readonly sha256: string;
  readonly narSize: number;
  readonly references: readonly string[];
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
  /**
   * Asks for a sandbox. `run` names it in replies; `stdio` is one descriptor for standard output and error (standard
   * input is /dev/null then), or all three. A TypeError names the field of `spec` that is wrong.
   */
  sendLaunch(control: number, run: number, spec: SandboxSpec, stdio: readonly number[]): void;
  /** Asks for the death of everything in a sandbox. One that has ended is ignored. */
  sendKill(control: number, run: number): void;
}

const packageRoot = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** `path` is the file it was loaded from, which `bindings` adds. */
interface NativeAddon extends NativeFileSystem, NativeLauncher {
  readonly path: string;
}

export const native: NativeAddon = load();

/** The launcher executable that belongs to the loaded addon; it lies beside it. */
export const launcherPath: string = join(dirname(native.path), 'airplant-launcher');

function load(): NativeAddon {
  try {
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
