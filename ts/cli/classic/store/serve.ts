import { AirplantError } from '../../../base/errors.js';
import { takeFlags, takeNoOperands } from '../operation-flags.js';
import type { Operation } from '../operations.js';

/** `--serve`: refused in a way that whoever is at the other end of the connection gets to see. */
export const serve: Operation = async (call) => {
  takeFlags(call, ['--write']);
  takeNoOperands(call);
  throw new AirplantError(
    'ERR_UNSUPPORTED',
    'nix-store --serve: airplant does not serve its store to others yet',
    {
      hint: 'Copy with `--export` and `--import` instead.',
    },
  );
};
