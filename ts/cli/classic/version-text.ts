import { resolveStoreDirectories } from '../../store/directories.js';
import type { CommandContext } from '../command.js';
import { commandSettings } from '../store-session.js';
import { version } from '../version.js';

/** The version of Nix whose old commands these are; what asks for a version wants to know what it may use. */
const spokenVersion = '2.8.0';

/** What `--version` prints: Nix's line, which scripts take apart, and with `-v` who says it and where things lie. */
export function versionText(program: string, context: CommandContext, verbosity: number): string {
  const line = `${program} (Nix) ${spokenVersion}\n`;
  if (verbosity <= 3) return line;
  const settings = commandSettings(context);
  const { storeDir, stateDir } = resolveStoreDirectories({ store: settings.store, env: context.env });
  return `${line}${[
    `Implementation: airplant ${version()}`,
    `System type: ${settings.system}`,
    `Additional system types: ${settings['extra-platforms'].join(', ')}`,
    `Store directory: ${storeDir}`,
    `State directory: ${stateDir}`,
  ].join('\n')}\n`;
}
