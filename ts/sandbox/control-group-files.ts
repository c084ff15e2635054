import { randomBytes } from 'node:crypto';
import {
  accessSync,
  closeSync,
  constants,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  statSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { native } from '../native.js';

/** What is asked of the file system for control groups (version 2); the kernel's own unless a test has something else. */
export interface ControlGroupFiles {
  makeDirectory(path: string): void;
  removeDirectory(path: string): void;
  /** Into a file that exists. */
  write(path: string, text: string): void;
  read(path: string): string;
  /** Names of what is in a directory. */
  list(path: string): readonly string[];
  writable(path: string): boolean;
  /** Whether a process is this one or descends from it. */
  isOurs(pid: number): boolean;
}

export const kernelFiles: ControlGroupFiles = {
  makeDirectory: (path) => mkdirSync(path, { mode: 0o755 }),
  removeDirectory: (path) => rmdirSync(path),
  write(path, text) {
    // Never created: such a file would be none of the kernel's.
    const fd = openSync(path, 'r+');
    try {
      writeSync(fd, text);
    } finally {
      closeSync(fd);
    }
  },
  read: (path) => readFileSync(path, 'utf8'),
  list: (path) => readdirSync(path),
  writable: (path) => attempt(() => accessSync(path, constants.W_OK)),
  isOurs(pid) {
    let ancestor = pid;
    while (ancestor > 1 && ancestor !== process.pid) ancestor = parentOf(ancestor);
    return ancestor === process.pid;
  },
};

/** A group that we have made. While it is held, no other airplant takes it for one that was left behind. */
export interface HeldGroup {
  readonly directory: string;
  /** Lets go of it; does not remove it. Harmless when done again. */
  release(): void;
}

/** Makes an empty group with a new name below `parent`; undefined where that is impossible. */
export function makeHeldGroup(parent: string, files: ControlGroupFiles): HeldGroup | undefined {
  // Again if somebody who looks for abandoned groups was quicker than our lock.
  for (let attempts = 0; attempts < 10; attempts++) {
    const directory = join(parent, `${prefix}${randomBytes(8).toString('hex')}`);
    if (!attempt(() => files.makeDirectory(directory))) return undefined;
    const release = hold(directory);
    if (release) return { directory, release };
  }
  return undefined;
}

/** Removes the groups below `parent` that an airplant left which was killed, as far as they are empty. */
export function removeAbandonedGroups(parent: string, files: ControlGroupFiles = kernelFiles): void {
  let names: readonly string[] = [];
  attempt(() => {
    names = files.list(parent);
  });
  for (const directory of names.filter(isOurName).map((name) => join(parent, name))) {
    const release = hold(directory);
    if (!release) continue;
    attempt(() => files.removeDirectory(directory));
    release();
  }
}

/** Whether a group has a name that we give. */
export function isOurName(name: string): boolean {
  return new RegExp(`^${prefix}[0-9a-f]{16}$`).test(name);
}

export function attempt(action: () => void): boolean {
  try {
    action();
    return true;
  } catch {
    return false;
  }
}

const prefix = 'airplant-';

/**
 * A lock on the directory, which ends with whoever holds it, in whatever process namespace that is. Undefined if another
 * has it, or the directory is gone.
 */
function hold(directory: string): (() => void) | undefined {
  let fd: number | undefined;
  const release = () => {
    if (fd !== undefined) closeSync(fd);
    fd = undefined;
  };
  try {
    fd = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
    const { dev, ino } = fstatSync(fd);
    if (native.tryLock(fd, 'exclusive')) {
      const now = statSync(directory);
      if (now.dev === dev && now.ino === ino) return release;
    }
  } catch {
    // Somebody else has removed it.
  }
  release();
  return undefined;
}

/** 0 if the process is gone. */
function parentOf(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The second field is the program's name in parentheses, with whatever characters.
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return 0;
  }
}
