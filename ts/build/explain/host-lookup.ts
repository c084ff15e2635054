import { lstat, readlink } from 'node:fs/promises';
import { posix } from 'node:path';
import { execa } from 'execa';
import { isRemoteFileSystem } from '../../config/file-system.js';
import { parseMountInfo } from '../../doctor/mount-info.js';

export interface HostLookupOptions {
  /** Text of /proc/self/mountinfo; empty where there is none. */
  readonly mountInfo: string;
  /** Whether a path is there, for paths on file systems of other machines. May take for ever. Default: a process is asked. */
  readonly ask?: (path: string) => Promise<boolean>;
  /** How long an answer is waited for. Default 2000. */
  readonly milliseconds?: number;
}

/**
 * Whether paths exist on this machine. Who looks at a file system whose server is gone waits until it is back, and a thread
 * of ours that waits keeps us from ending: so what lies on one of another machine a process is asked for, once in vain for
 * each mount.
 */
export class HostLookup {
  readonly #remote: readonly string[];
  readonly #ask: (path: string) => Promise<boolean>;
  readonly #milliseconds: number;
  readonly #gone = new Set<string>();

  constructor({ mountInfo, ask = askProcess, milliseconds = 2000 }: HostLookupOptions) {
    // A root that comes from elsewhere answers, or nothing of this would run.
    this.#remote = parseMountInfo(mountInfo)
      .filter(({ type, mountPoint }) => mountPoint !== '/' && (isRemoteFileSystem(type) || type === 'autofs'))
      .map(({ mountPoint }) => mountPoint);
    this.#ask = ask;
    this.#milliseconds = milliseconds;
  }

  /** False also for what cannot be told: what lies behind a directory that may not be entered, or on a server that is gone. */
  async exists(path: string): Promise<boolean> {
    try {
      const mount = await this.#remoteOn(path);
      return mount === undefined || (await this.#askFor(path, mount));
    } catch {
      return false;
    }
  }

  /** The first remote mount on the way, symlinks followed; nothing there is looked at. Throws if there is no such path. */
  async #remoteOn(path: string): Promise<string | undefined> {
    const left = namesOf(path);
    let at = '/';
    for (let links = 0; left.length > 0; ) {
      const next = posix.join(at, left.shift()!);
      const mount = this.#remote.find((point) => next === point || next.startsWith(`${point}/`));
      if (mount !== undefined) return mount;
      if (!(await lstat(next)).isSymbolicLink()) {
        at = next;
        continue;
      }
      if (++links > mostLinks) throw new Error('too many symlinks');
      const target = await readlink(next);
      if (target.startsWith('/')) at = '/';
      left.unshift(...namesOf(target));
    }
    return undefined;
  }

  async #askFor(path: string, mount: string): Promise<boolean> {
    if (this.#gone.has(mount)) return false;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<'late'>((resolve) => {
      timer = setTimeout(() => resolve('late'), this.#milliseconds);
    });
    const answer = await Promise.race([this.#ask(path), late]);
    clearTimeout(timer);
    if (answer !== 'late') return answer;
    this.#gone.add(mount);
    return false;
  }
}

/** As many as Linux follows. */
const mostLinks = 40;

function namesOf(path: string): string[] {
  return path.split('/').filter((name) => name !== '' && name !== '.');
}

/** One that waits for a server can be killed, but perhaps not at once; nobody waits for that. */
async function askProcess(path: string): Promise<boolean> {
  const child = execa('/bin/sh', ['-c', 'test -e "$1"', 'sh', path], {
    stdio: 'ignore',
    reject: false,
    timeout: 10_000,
    killSignal: 'SIGKILL',
  });
  child.unref();
  return (await child).exitCode === 0;
}
