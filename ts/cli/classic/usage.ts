import { AirplantError, type ErrorCode } from '../../base/errors.js';

/** Wrong usage in Nix's words; what follows them names the program's help. */
export function usage(message: string): AirplantError {
  return new AirplantError('ERR_USAGE', message, { hint: '' });
}

/** Another failure in Nix's words, which scripts may know. */
export function failure(code: ErrorCode, message: string, cause?: unknown): AirplantError {
  return new AirplantError(code, message, { hint: '', cause });
}
