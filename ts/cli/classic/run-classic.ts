import { isAirplantError } from '../../base/errors.js';
import { painter, wantsColours } from '../../report/colours.js';
import { plainText } from '../../report/messages.js';
import { isBrokenPipe } from '../broken-pipe.js';
import type { ProgramHost } from '../command.js';
import { errorText, toAirplantError } from '../print-error.js';

/**
 * Runs a program of Nix's to its exit status. Errors are printed in its way, with its name: wrong usage is exit status 1,
 * and is followed by a line that names the help.
 */
export async function runClassic(
  name: string,
  host: ProgramHost,
  run: () => Promise<number>,
): Promise<number> {
  try {
    const status = await run();
    return host.interrupts.exitStatus || status;
  } catch (error) {
    if (isBrokenPipe(error)) throw error;
    host.stderr.write(text(error, name, host));
    return host.interrupts.exitStatus || classicStatus(toAirplantError(error).exitStatus);
  }
}

function text(error: unknown, name: string, { stderr, env }: ProgramHost): string {
  const colours = wantsColours(stderr, env);
  if (!isAirplantError(error, 'ERR_USAGE') || error.hint !== '') {
    return errorText(error, { colours, trace: Boolean(env['AIRPLANT_DEBUG']) });
  }
  const label = painter(colours)('red', 'error:');
  return `${label} ${plainText(error.message)}\nTry '${name} --help' for more information.\n`;
}

/** Nix has no status of its own for wrong usage. */
function classicStatus(status: number): number {
  return status === 2 ? 1 : status;
}
