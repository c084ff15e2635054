import { closeSync, constants, fstatSync, openSync, readFileSync, type Stats } from 'node:fs';
import { AirplantError } from '../base/errors.js';
import { derivationTooLong, maxDerivationBytes } from '../derivation/aterm-parse.js';
import { storeError } from './store-parts.js';

/**
 * The contents of a `.drv` file, which may be whatever somebody imported or registered under such a name: a symlink is not
 * followed, a FIFO not waited for, and nothing read that is longer than a derivation may be. `drvPath` is what errors call
 * it, `file` where it lies on the host.
 *
 * Throws ERR_DERIVATION_SYNTAX for what can be no derivation, and what the operating system says.
 */
export function readDerivationFile(drvPath: string, file: string): Buffer {
  const fd = open(drvPath, file);
  try {
    const stats = fstatSync(fd);
    if (!stats.isFile()) throw noFile(drvPath, kindOf(stats));
    if (stats.size > maxDerivationBytes) throw derivationTooLong(drvPath, stats.size);
    return readFileSync(fd);
  } catch (error) {
    throw storeError(error, `reading the derivation '${drvPath}'`);
  } finally {
    closeSync(fd);
  }
}

function open(drvPath: string, file: string): number {
  try {
    return openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ELOOP') throw noFile(drvPath, 'a symlink');
    // A socket cannot be opened at all.
    if (code === 'ENXIO') throw noFile(drvPath, 'a socket');
    throw storeError(error, `reading the derivation '${drvPath}'`);
  }
}

function kindOf(stats: Stats): string {
  if (stats.isDirectory()) return 'a directory';
  return stats.isFIFO() ? 'a FIFO' : 'a device';
}

function noFile(drvPath: string, kind: string): AirplantError {
  return new AirplantError('ERR_DERIVATION_SYNTAX', `'${drvPath}' is ${kind}, and no derivation`, {
    hint: 'A derivation is a regular file. Whatever made this path should not have given it a name in `.drv`.',
    details: { file: drvPath, offset: 0, expected: 'a regular file' },
  });
}
