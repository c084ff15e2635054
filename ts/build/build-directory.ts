import { lstatSync, mkdtempSync, readFileSync, readlinkSync, rmSync, type Stats, symlinkSync } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';
import { AirplantError } from '../base/errors.js';
import { quote } from '../base/quote.js';
import { isMapped } from '../config/id-supply.js';
import { parseMountInfo } from '../doctor/mount-info.js';

/**
 * The directory that the setting `build-dir` names, without symlinks, if build directories can lie there; undefined for
 * an empty setting: beside the store then.
 *
 * Nobody but the caller and root may be able to put something else in its place while a build is under way
 * (CVE-2025-52991): it and all above it, and every symlink on the way, belong to one of them, and where others may
 * write there is a sticky bit. It must hold symlinks and modes and let programs run, and must not lie in the store.
 *
 * Throws ERR_SETTING, which says what is wrong with which directory.
 */
export function findBuildDirectory(setting: string, realStoreDir: string): string | undefined {
  if (setting === '') return undefined;
  if (!isAbsolute(setting) || setting.includes('\0')) throw unfit(setting, 'it is not an absolute path');
  const directory = follow(setting);
  if (`${directory}/`.startsWith(`${realStoreDir}/`)) throw unfit(setting, 'it lies in the store');
  if (
    process.platform === 'linux' &&
    isMountedNoExec(directory, readFileSync('/proc/self/mountinfo', 'utf8'))
  ) {
    throw unfit(setting, 'its file system is mounted noexec, so builders could not run what they make');
  }
  tryOut(setting, directory);
  return directory;
}

/** As many symlinks as the kernel follows. */
const mostLinks = 40;

function follow(setting: string): string {
  const names = setting.split('/').filter(Boolean);
  let directory = '/';
  requireTrusted(setting, directory, look(setting, directory));
  for (let links = 0; names.length > 0; ) {
    const name = names.shift()!;
    if (name === '.') continue;
    if (name === '..') {
      directory = dirname(directory);
      continue;
    }
    const path = join(directory, name);
    const stats = look(setting, path);
    requireTrusted(setting, path, stats);
    if (!stats.isSymbolicLink()) {
      directory = path;
      continue;
    }
    if (++links > mostLinks) throw unfit(setting, 'it leads in a circle of symlinks');
    const target = readlinkSync(path);
    names.unshift(...target.split('/').filter(Boolean));
    if (isAbsolute(target)) directory = '/';
  }
  return directory;
}

function look(setting: string, path: string): Stats {
  try {
    return lstatSync(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw unfit(setting, code === 'ENOENT' ? `${quote(path)} does not exist` : `${quote(path)}: ${code}`);
  }
}

function requireTrusted(setting: string, path: string, stats: Stats): void {
  const [uid, gid] = [process.geteuid?.(), process.getegid?.()];
  if (stats.uid !== 0 && stats.uid !== uid) {
    throw unfit(setting, `${quote(path)} belongs to ${whoIs(stats.uid)}, who could exchange it`);
  }
  if (stats.isSymbolicLink()) return;
  if (!stats.isDirectory()) throw unfit(setting, `${quote(path)} is not a directory`);
  // A group of one's own may write, as it does where the umask is 002.
  const others =
    (stats.mode & 0o002) !== 0 || ((stats.mode & 0o020) !== 0 && stats.gid !== gid && stats.gid !== 0);
  if (others && (stats.mode & 0o1000) === 0) {
    throw unfit(setting, `other users may write to ${quote(path)} and exchange what is in it`);
  }
}

/** In a user namespace all users that it does not map look like one. */
function whoIs(uid: number): string {
  const mapped =
    process.platform !== 'linux' ||
    isMapped({ first: uid, count: 1 }, readFileSync('/proc/self/uid_map', 'utf8'));
  return mapped ? `another user (${uid})` : 'some user that this user namespace does not map';
}

/** By the text of a mountinfo file; `directory` has no symlinks in it. */
export function isMountedNoExec(directory: string, mountInfo: string): boolean {
  const holding = parseMountInfo(mountInfo).filter(
    ({ mountPoint }) => mountPoint === '/' || `${directory}/`.startsWith(`${mountPoint}/`),
  );
  // Of mounts on one point the last is on top.
  const longest = Math.max(...holding.map(({ mountPoint }) => mountPoint.length));
  return (
    holding.findLast(({ mountPoint }) => mountPoint.length === longest)?.options.includes('noexec') ?? false
  );
}

/** Not all file systems that can be written to have what builders take for granted. */
function tryOut(setting: string, directory: string): void {
  let trial: string | undefined;
  try {
    trial = mkdtempSync(join(directory, 'airplant-trial-'));
    symlinkSync('nowhere', join(trial, 'link'));
    if ((lstatSync(trial).mode & 0o777) !== 0o700) throw new Error('it does not keep modes');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw unfit(setting, code === undefined ? message : `nothing of use can be made there: ${code}`);
  } finally {
    if (trial !== undefined) rmSync(trial, { recursive: true, force: true });
  }
}

function unfit(setting: string, why: string): AirplantError {
  return new AirplantError('ERR_SETTING', `setting 'build-dir' cannot be ${quote(setting)}: ${why}`, {
    hint: 'Name a directory of your own on a local disk, or leave `build-dir` empty.',
    details: { setting: 'build-dir' },
  });
}
