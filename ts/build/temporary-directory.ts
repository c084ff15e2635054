import { dir } from 'tmp-promise';
import { currentLauncher } from '../sandbox/launcher.js';

/** A directory of nobody else's, which disposing removes with all that is in it. */
export interface TemporaryDirectory extends AsyncDisposable {
  readonly path: string;
}

/** Makes one in the directory for such things. Should this process be killed, the launcher removes it. */
export async function temporaryDirectory(prefix: string): Promise<TemporaryDirectory> {
  const { path, cleanup } = await dir({ prefix, unsafeCleanup: true, mode: 0o700 });
  const unguard = currentLauncher().guard(path);
  return {
    path,
    async [Symbol.asyncDispose]() {
      await cleanup();
      unguard();
    },
  };
}
