import { type AirplantError, isAirplantError } from '../../../base/errors.js';
import { storePathOf } from '../operand.js';
import { takeFlags } from '../operation-flags.js';
import type { Operation } from '../operations.js';
import { withWholeStore } from '../session.js';
import { failure } from '../usage.js';
import { watchGarbage } from '../watch-garbage.js';

/** `--delete [--ignore-liveness] PATH...`: deletes paths that no root needs and that nothing refers to. */
export const deletePaths: Operation = async (call) => {
  const ignoreLiveness = takeFlags(call, ['--ignore-liveness']).has('--ignore-liveness');
  const { cwd, interrupts } = call.context;
  return await withWholeStore(call.context, async ({ local }) => {
    const place = { cwd, directories: local.directories };
    const paths = call.operands.map((operand) => storePathOf(operand, place));
    const { signal } = interrupts;
    return await watchGarbage(call, (onEvent) =>
      local.deletePaths(paths, { ignoreLiveness, signal, onEvent }).catch((error) => {
        throw isAirplantError(error, 'ERR_PATH_IN_USE') ? stillAlive(error) : error;
      }),
    );
  });
};

function stillAlive(error: AirplantError): AirplantError {
  const message = `Cannot delete path '${error.details['path']}' since it is still alive. To find out why, use: nix-store --query --roots`;
  return failure('ERR_PATH_IN_USE', message, error);
}
