import { loadSettings, type SettingsLayer } from '../config/load.js';
import type { Settings } from '../config/settings.js';
import { painter, wantsColours } from '../report/colours.js';
import { plainText } from '../report/messages.js';
import type { CommandContext } from './command.js';
import type { OpenStore } from './engine.js';
import { commandLineLayer } from './setting-flags.js';

/** The settings of a command: files, what a module asks for, and the command line, which has the last word. */
export function commandSettings(context: CommandContext, module: readonly SettingsLayer[] = []): Settings {
  return loadSettings({
    env: context.env,
    layers: [...module, commandLineLayer(context.args.occurrences)],
    onWarning: (message) => warn(context, message),
    onNote: (message) => {
      if (context.env['AIRPLANT_DEBUG']) context.stderr.write(`note: ${plainText(message)}\n`);
    },
  }).settings;
}

/** Opens the store the settings name, lets `use` work with it, and closes it whatever happens. */
export async function withStore<T>(
  context: CommandContext,
  use: (store: OpenStore, settings: Settings) => Promise<T>,
  module: readonly SettingsLayer[] = [],
): Promise<T> {
  const settings = commandSettings(context, module);
  const store = await context.engine.openStore({
    store: settings.store,
    settings,
    env: context.env,
    onWarning: (message) => warn(context, message),
  });
  try {
    return await use(store, settings);
  } finally {
    await store.close();
  }
}

/** A warning for the user. */
export function warn(context: CommandContext, message: string): void {
  const paint = painter(wantsColours(context.stderr, context.env));
  context.stderr.write(`${paint('yellow', 'warning:')} ${plainText(message)}\n`);
}
