import { chmodSync, chownSync, mkdirSync, writeFileSync } from 'node:fs';
import { basename, dirname, extname, join } from 'node:path';
import { AirplantError } from '../base/errors.js';
import { makeDirectory } from '../base/make-directory.js';
import { encodeText } from '../base/text.js';
import { hashBytes } from '../formats/hash-bytes.js';
import { native } from '../native.js';
import { rewriteText } from '../sandbox/command.js';
import type { IdMaps } from '../sandbox/spec.js';
import { takeBack } from '../sandbox/take-back.js';
import type { BuildRequest } from './records.js';

/** The directories of one attempt, as host paths. */
export interface Place {
  readonly scratch: string;
  /** What becomes `/`; not there for a builder that works in place. */
  readonly root: string;
  /** What the builder sees as the store directory, with its outputs. */
  readonly outputDirectory: string;
  readonly buildDirectory: string;
  /** All that is made outside the scratch directory: what holds the build directory, where it has a place of its own. */
  readonly buildTop?: string;
  /** What the builder sees as `/tmp`. */
  readonly temporaryDirectory: string;
  /** Never visible in the sandbox; made by whoever needs it. */
  readonly privateDirectory: string;
}

/** The scratch directory of a derivation, beside its file: nobody else uses it, and collectors leave it alone. */
export function scratchOf(drvPath: string): string {
  return `${drvPath}.chroot`;
}

/** The derivation whose scratch directory this path is; undefined for any other path. */
export function scratchDerivation(path: string): string | undefined {
  return path.endsWith('.drv.chroot') ? path.slice(0, -'.chroot'.length) : undefined;
}

/** Beside it, what a failed build has left that is to be kept; collectors may remove it. */
export function keptOf(drvPath: string): string {
  return `${drvPath}.failed`;
}

export interface PlaceOptions {
  /** Where build directories lie (`findBuildDirectory`); undefined: in the scratch directory. */
  readonly buildsIn?: string | undefined;
}

/**
 * Where the parts of a scratch directory lie. Its top level is 0700: no other user gets any further. Outputs are always
 * made here, on the file system of the store, so that they can be renamed into it wherever the build directory is; and
 * beside the root, in which a hook may have put a symlink anywhere.
 */
export function placeOf(scratch: string, { buildsIn }: PlaceOptions = {}): Place {
  const root = join(scratch, 'root');
  const buildTop = buildsIn === undefined ? undefined : join(buildsIn, buildTopName(scratch));
  return {
    scratch,
    root,
    ...(buildTop === undefined ? {} : { buildTop }),
    outputDirectory: join(scratch, 'store'),
    buildDirectory: join(buildTop ?? scratch, 'build'),
    temporaryDirectory: join(root, 'tmp'),
    privateDirectory: join(scratch, 'private'),
  };
}

/**
 * The same for the same derivation of the same store, so that what an interrupted build has left is found; another for
 * each user, who could not remove it.
 */
function buildTopName(scratch: string): string {
  const hash = hashBytes('sha256', scratch).hex.slice(0, 16);
  const name = basename(scratch, extname(scratch))
    .replace(/\.drv$/, '')
    .slice(33, 100);
  return `${buildTopPrefix()}${hash}-${name}`;
}

/** A name that the caller's build directories have where they have a place of their own. */
export function isBuildTop(name: string): boolean {
  return name.startsWith(buildTopPrefix());
}

function buildTopPrefix(): string {
  return `airplant-${process.geteuid?.() ?? 0}-`;
}

/**
 * Removes all that an attempt has made. Where builders may have had other ids than the caller, `idMaps` are those
 * (`takeBackMaps`): files of such a builder whose sandbox was killed before it could clean up become the caller's first.
 *
 * Throws what `native.removeTree` and `takeBack` throw.
 */
export async function removePlace({ scratch, buildTop }: Place, idMaps: IdMaps | undefined): Promise<void> {
  await removeFilesOf(scratch, idMaps);
  if (buildTop !== undefined) await removeFilesOf(buildTop, idMaps);
}

async function removeFilesOf(directory: string, idMaps: IdMaps | undefined): Promise<void> {
  // Again where a builder whose launcher has been killed is about to die, and makes files to its end.
  for (let left = 10; ; left--) {
    try {
      await native.removeTree(directory);
      return;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (left === 0 || idMaps === undefined || (code !== 'EACCES' && code !== 'EPERM')) throw error;
      await takeBack(directory, idMaps);
    }
  }
}

/** For whom the directories of an attempt are made. */
export interface PlaceOwner {
  /** The builder is not the caller: what it gets must have the caller's own group, so that it can be given away. */
  readonly forBuilder: boolean;
  /** See `removePlace`. */
  readonly takeBack: IdMaps | undefined;
}

/**
 * Makes the directories of an attempt, empty but for the files of the request; what an interrupted one left goes. In the
 * root there are the directories that Nix has made when it runs a hook.
 *
 * Throws ERR_DISK_FULL or ERR_FILE, or what `removeScratch` throws.
 */
export async function makePlace(
  place: Place,
  request: BuildRequest,
  { storeDir, owner }: { readonly storeDir: string; readonly owner: PlaceOwner },
): Promise<void> {
  const { scratch, root, buildTop } = place;
  await removeFilesOf(scratch, owner.takeBack);
  // Left by a build that was interrupted; whoever calls us holds their locks, and they are not valid.
  if (request.inPlace) for (const { scratchPath } of request.outputs) await native.removeTree(scratchPath);
  try {
    // Few directories: on some disks it takes milliseconds to remove one.
    mkdirSync(scratch, { mode: 0o700 });
    if (owner.forBuilder) takeOwnGroup(scratch);
    if (!request.inPlace) {
      for (const name of ['etc', storeDir]) makeDirectory(join(root, name), 0o755);
      makeWithMode(place.temporaryDirectory, 0o1777);
    }
    if (buildTop !== undefined) {
      // Where others may write, too, it may be theirs. It is never entered then: this or the next fails.
      await removeFilesOf(buildTop, owner.takeBack);
      mkdirSync(buildTop, { mode: 0o700 });
      if (owner.forBuilder) takeOwnGroup(buildTop);
    }
    mkdirSync(place.buildDirectory, { mode: 0o700 });
    // The mode Nix has, as has the temporary directory.
    makeWithMode(place.outputDirectory, 0o1775);
    for (const { name, contents, mode } of request.files) {
      const file = join(place.buildDirectory, name);
      writeFileSync(file, encodeText(rewriteText(contents, request.rewrites)), { flag: 'wx' });
      chmodSync(file, mode);
    }
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    const where = dirname(place.buildDirectory);
    if (code === 'ENOSPC' || code === 'EDQUOT') {
      throw new AirplantError('ERR_DISK_FULL', `no space left for the build directory '${where}'`, { cause });
    }
    throw new AirplantError('ERR_FILE', `cannot make the build directory '${where}': ${code}`, { cause });
  }
}

/** In a directory with the set-group-id bit it would be another, and so would whatever is made in this one. */
function takeOwnGroup(directory: string): void {
  chownSync(directory, process.geteuid!(), process.getegid!());
  chmodSync(directory, 0o700);
}

/** Modes given to mkdir are subject to the umask, and have no sticky bit. */
function makeWithMode(directory: string, mode: number): void {
  makeDirectory(directory);
  chmodSync(directory, mode);
}
