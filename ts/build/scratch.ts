import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AirplantError } from '../base/errors.js';
import { encodeText } from '../base/text.js';
import { native } from '../native.js';
import { rewriteText } from '../sandbox/command.js';
import type { BuildRequest } from './records.js';

/** The directories of one attempt, as host paths. */
export interface Place {
  readonly scratch: string;
  /** What becomes `/`, unless that is a tmpfs. */
  readonly root?: string;
  /** What the builder sees as the store directory, with its outputs. */
  readonly outputDirectory: string;
  readonly buildDirectory: string;
  /** What the builder sees as `/tmp`. */
  readonly temporaryDirectory: string;
  /** Never visible in the sandbox; made by whoever needs it. */
  readonly privateDirectory: string;
}

/** The scratch directory of a derivation, beside its file: nobody else uses it, and collectors leave it alone. */
export function scratchOf(drvPath: string): string {
  return `${drvPath}.chroot`;
}

/**
 * Where the parts of a scratch directory lie. Its top level is 0700: no other user gets any further. The root is on
 * disk only for somebody who puts files into it before anything is mounted.
 */
export function placeOf(scratch: string, { rootOnDisk = false } = {}): Place {
  const root = join(scratch, 'root');
  return {
    scratch,
    ...(rootOnDisk ? { root } : {}),
    outputDirectory: join(scratch, 'store'),
    buildDirectory: join(scratch, 'build'),
    temporaryDirectory: join(rootOnDisk ? root : scratch, 'tmp'),
    privateDirectory: join(scratch, 'private'),
  };
}

/**
 * Makes the directories of an attempt, empty but for the files of the request; what an interrupted one left goes. In a
 * root on disk there are the directories that Nix has made when it runs a hook.
 *
 * Throws ERR_DISK_FULL or ERR_FILE.
 */
export async function makePlace(place: Place, request: BuildRequest, storeDir: string): Promise<void> {
  const { scratch, root } = place;
  await native.removeTree(scratch);
  // Left by a build that was interrupted; whoever calls us holds their locks, and they are not valid.
  if (request.unsealed) for (const { scratchPath } of request.outputs) await native.removeTree(scratchPath);
  try {
    // Few directories: on some disks it takes milliseconds to remove one.
    mkdirSync(scratch, { mode: 0o700 });
    if (root !== undefined) for (const name of ['', 'etc', storeDir]) makeDirectory(join(root, name), 0o755);
    mkdirSync(place.buildDirectory, { mode: 0o700 });
    // The modes Nix has.
    makeDirectory(place.outputDirectory, 0o1775);
    makeDirectory(place.temporaryDirectory, 0o1777);
    for (const { name, contents, mode } of request.files) {
      const file = join(place.buildDirectory, name);
      writeFileSync(file, encodeText(rewriteText(contents, request.rewrites)), { flag: 'wx' });
      chmodSync(file, mode);
    }
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    if (code === 'ENOSPC' || code === 'EDQUOT') {
      throw new AirplantError('ERR_DISK_FULL', `no space left for the build directory '${scratch}'`, {
        cause,
      });
    }
    throw new AirplantError('ERR_FILE', `cannot make the build directory '${scratch}': ${code}`, { cause });
  }
}

/** Modes given to mkdir are subject to the umask, and have no sticky bit. */
function makeDirectory(directory: string, mode: number): void {
  mkdirSync(directory, { recursive: true });
  chmodSync(directory, mode);
}
