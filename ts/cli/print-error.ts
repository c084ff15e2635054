import { AirplantError, isAirplantError } from '../base/errors.js';
import { filterText } from '../base/terminal-filter.js';
import { caseHackError } from '../formats/nar/case-hack.js';
import { painter } from '../report/colours.js';

/**
 * The text for an error that ends the program: `error: …`, `hint: …`, and with `trace` the stack of it and of its
 * causes. Anything that is not an AirplantError is turned into one first.
 */
export function errorText(error: unknown, options: { colours: boolean; trace: boolean }): string {
  const known = toAirplantError(error);
  const paint = painter(options.colours);
  const lines = [`${paint('red', 'error:')} ${safe(known.message)}`];
  if (known.hint) lines.push(`${paint('dim', 'hint:')} ${safe(known.hint)}`);
  if (options.trace) lines.push(...stacks(error).map(safe));
  return `${lines.join('\n')}\n`;
}

/**
 * The same failure as one of the catalogue: what the operating system said about a file is ERR_FILE,
 * ERR_UNSUPPORTED_FILE or ERR_DISK_FULL, anything unforeseen ERR_INTERNAL.
 */
export function toAirplantError(error: unknown): AirplantError {
  if (isAirplantError(error)) return error;
  if (isSystemError(error)) {
    const aboutName = caseHackError(error);
    if (aboutName) return aboutName;
    const { code, syscall, path } = error;
    const where = path === undefined ? '' : ` '${path}'`;
    if (code === 'EFTYPE') {
      return new AirplantError(
        'ERR_UNSUPPORTED_FILE',
        `${where.trim() || 'a file'} is neither a regular file, a directory nor a symlink`,
        { hint: 'An archive holds nothing else; leave it out.', cause: error },
      );
    }
    const full = code === 'ENOSPC' || code === 'EDQUOT';
    return new AirplantError(full ? 'ERR_DISK_FULL' : 'ERR_FILE', `${syscall}${where}: ${code}`, {
      cause: error,
    });
  }
  const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return new AirplantError('ERR_INTERNAL', `internal error: ${message}`, { cause: error });
}

function isSystemError(error: unknown): error is NodeJS.ErrnoException & { code: string; syscall: string } {
  if (!(error instanceof Error)) return false;
  const { code, syscall } = error as NodeJS.ErrnoException;
  return typeof code === 'string' && typeof syscall === 'string';
}

function stacks(error: unknown): string[] {
  const found: string[] = [];
  for (let at: unknown = error; at instanceof Error && found.length < 10; at = at.cause) {
    found.push(`${found.length === 0 ? '' : 'caused by: '}${at.stack ?? at.message}`);
  }
  return found;
}

function safe(text: string): string {
  return filterText(text, { colours: false });
}
