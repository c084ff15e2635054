import { AirplantError, isAirplantError } from '../base/errors.js';
import { printable } from '../base/quote.js';

/** A failure to run a builder as it is told. */
export interface FailedBuilder {
  readonly error: unknown;
  /** Lines that belong into the log of the build. */
  readonly logged: readonly string[];
}

/**
 * A builder that cannot be executed, as Nix tells it: one that failed with exit code 1, and has written into its log what
 * execve(2) said. Our own sentence, which knows more, begins the hint. Any other error is left as it is.
 */
export function asFailedBuilder(drvPath: string, error: unknown): FailedBuilder {
  if (!isAirplantError(error, 'ERR_BUILDER_MISSING') && !isAirplantError(error, 'ERR_BUILDER_EXEC')) {
    return { error, logged: [] };
  }
  const { code, message, hint, cause, details } = error;
  const { path, errno } = details;
  const said = typeof errno === 'string' ? (execErrors[errno] ?? errno) : undefined;
  const logged = said === undefined ? [] : [`error: executing '${printable(String(path))}': ${said}`];
  const failed = new AirplantError(code, `builder for '${drvPath}' failed with exit code 1`, {
    hint: `${message.charAt(0).toUpperCase()}${message.slice(1)}. ${hint}`,
    cause,
    details: { ...details, drvPath, lastLines: logged },
  });
  return { error: failed, logged };
}

/** What strerror(3) says of the errors of execve(2) that are the builder's own. */
const execErrors: Readonly<Record<string, string>> = {
  E2BIG: 'Argument list too long',
  EACCES: 'Permission denied',
  EISDIR: 'Is a directory',
  ELOOP: 'Too many levels of symbolic links',
  ENAMETOOLONG: 'File name too long',
  ENOENT: 'No such file or directory',
  ENOEXEC: 'Exec format error',
  ENOTDIR: 'Not a directory',
};
