import { closeSync, constants, fstatSync, openSync } from 'node:fs';
import { AirplantError } from '../base/errors.js';
import { quote } from '../base/quote.js';
import { native } from '../native.js';
import type { HostPath } from './records.js';

/**
 * Takes the writable directories among the host paths for one build. Two sandboxes at once could play tricks on each
 * other with symlinks there (CVE-2021-30465), so the second is refused, whichever process or store it is of: the lock is
 * on the directory itself. A builder that takes it too ends before anybody else asks.
 *
 * Throws ERR_SANDBOX_PATH if another build has one of them.
 */
export function lockWritablePaths(hostPaths: readonly HostPath[]): Disposable {
  const held: number[] = [];
  const release = () => {
    for (const descriptor of held.splice(0)) closeSync(descriptor);
  };
  try {
    const seen = new Set<string>();
    for (const { source, readOnly } of hostPaths) {
      if (readOnly) continue;
      const descriptor = openToLock(source);
      if (descriptor === undefined) continue;
      held.push(descriptor);
      const { dev, ino } = fstatSync(descriptor, { bigint: true });
      if (seen.has(`${dev}:${ino}`)) continue;
      seen.add(`${dev}:${ino}`);
      if (!native.tryLock(descriptor, 'exclusive')) throw inUse(source);
    }
  } catch (error) {
    release();
    throw error;
  }
  return { [Symbol.dispose]: release };
}

/** Undefined for what is no directory. */
function openToLock(path: string): number | undefined {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOTDIR') return undefined;
    throw new AirplantError('ERR_SANDBOX_PATH', `the writable sandbox path ${quote(path)} cannot be opened`, {
      cause: error,
      details: { source: path },
    });
  }
}

function inUse(path: string): AirplantError {
  return new AirplantError(
    'ERR_SANDBOX_PATH',
    `the writable sandbox path ${quote(path)} is in use by another build`,
    {
      hint: 'Builds that share a writable directory run one at a time: set `max-jobs` to 1, and wait for other builds.',
      details: { source: path },
    },
  );
}
