import { Deferred } from '../base/deferred.js';
import { errnoName } from '../base/errno.js';
import { AirplantError } from '../base/errors.js';
import { probeHost } from '../doctor/probe.js';
import { currentLauncher } from './launcher.js';
import type { LauncherReply } from './launcher-reply.js';
import { setupError } from './setup-failure.js';
import type { IdMaps } from './spec.js';

/**
 * Makes everything in a directory the caller's, whichever of the ids in `idMaps` it belongs to. A sandbox does that itself at
 * its end; this is for what one has left that was killed.
 *
 * Throws ERR_SANDBOX_SETUP, or ERR_SYSTEM if the launcher died.
 */
export async function takeBack(directory: string, idMaps: IdMaps): Promise<void> {
  const done = new Deferred<void>();
  const onReply = async (reply: LauncherReply): Promise<void> => {
    if (reply.kind === 'exited') done.resolve();
    if (reply.kind === 'setup-failed') {
      done.reject(setupError({ ...reply, errno: errnoName(reply.errno) }, await probeHost()));
    }
    if (reply.kind === 'lost') {
      done.reject(new AirplantError('ERR_SYSTEM', `what was to take back '${directory}' was killed`));
    }
  };
  currentLauncher().takeBack(directory, idMaps, {
    reply: (reply) => void onReply(reply),
    failed: (error) => done.reject(error),
  });
  await done.promise;
}
