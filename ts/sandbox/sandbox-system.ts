import { lstatSync, realpathSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { AirplantError } from '../base/errors.js';
import type { DarwinHost } from './darwin.js';
import { type DarwinProfiles, readDarwinProfiles } from './darwin-profiles.js';

/** The system whose sandboxes builds get, with what planning them takes. */
export type SandboxSystem =
  | { readonly kind: 'linux' }
  | { readonly kind: 'darwin'; readonly profiles: DarwinProfiles; readonly host: DarwinHost };

/** The system of this machine; `platform` as node names it. Throws ERR_SANDBOX_UNAVAILABLE where there are no sandboxes. */
export async function findSandboxSystem(platform: string = process.platform): Promise<SandboxSystem> {
  switch (platform) {
    case 'linux':
      return { kind: 'linux' };
    case 'darwin':
      return { kind: 'darwin', profiles: await readDarwinProfiles(), host: thisMac() };
    default:
      throw new AirplantError('ERR_SANDBOX_UNAVAILABLE', `there is no sandbox for ${platform}`, {
        hint: 'Build on Linux or macOS.',
      });
  }
}

function thisMac(): DarwinHost {
  return {
    temporaryDirectory: realpathSync.native(tmpdir()),
    kindOf(path) {
      const stats = lstatSync(path, { throwIfNoEntry: false });
      if (!stats) return 'missing';
      return stats.isDirectory() ? 'directory' : 'other';
    },
    realPath(path) {
      try {
        return realpathSync.native(path);
      } catch {
        return undefined;
      }
    },
  };
}
