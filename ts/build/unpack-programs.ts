import { delimiter, dirname } from 'node:path';
import { AirplantError } from '../base/errors.js';
import { findProgram } from '../base/find-program.js';
import type { HostPathWish } from '../sandbox/host-paths.js';

/** What `builtin:unpack-channel` unpacks with. All of it runs in the sandbox: an archive is anybody's. */
export interface UnpackPrograms {
  /** Absolute path. */
  readonly tar: string;
  /** Directories where tar finds the others. */
  readonly searchPath: string;
  /** For the sandbox to show. */
  readonly programs: readonly HostPathWish[];
}

/** The `tar` of this machine, and what there is of the programs that decompress for it. Throws ERR_BUILDER_MISSING. */
export function findUnpackPrograms(searchPath: string): UnpackPrograms {
  const tar = findProgram('tar', searchPath);
  if (tar === undefined) {
    throw new AirplantError(
      'ERR_BUILDER_MISSING',
      'builtin:unpack-channel runs `tar`, which is not on the PATH',
      {
        hint: 'Install tar, and xz for most channels, or put the directory they are in on the PATH.',
      },
    );
  }
  const found = [tar, ...decompressors.flatMap((name) => findProgram(name, searchPath) ?? [])];
  return {
    tar,
    searchPath: [...new Set(found.map((path) => dirname(path)))].join(delimiter),
    programs: found.map((path) => ({
      target: path,
      source: path,
      optional: false,
      readOnly: true,
      why: 'builtin:unpack-channel',
      expand: true,
    })),
  };
}

const decompressors = ['gzip', 'bzip2', 'xz', 'lzip', 'zstd'];
