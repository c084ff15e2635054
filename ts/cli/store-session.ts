import { loadSettings, type SettingsLayer } from '../config/load.js';
import type { Settings } from '../config/settings.js';
import { painter, wantsColours } from '../report/colours.js';
import { JsonReporter } from '../report/json.js';
import { plainText } from '../report/messages.js';
import type { CommandContext } from './command.js';
import type { OpenStore } from './engine.js';
import { commandLineLayer } from './setting-flags.js';

/** The settings of a command: files, what a module asks for, and the command line, which has the last word. */
export function commandSettings(context: CommandContext, module: readonly SettingsLayer[] = []): Settings {
  return loadSettings({
    env: context.env,
    layers: [...module, commandLineLayer(context.args.occurrences)],
    ...settingsListeners(context),
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
    onWarning: (message) => tell(context, 'warning', message),
  });
  try {
    return await use(store, settings);
  } finally {
    await store.close();
  }
}

/** What `loadSettings` has to say: warnings always, notes on what was ignored only when debugging. */
export function settingsListeners(context: CommandContext) {
  return {
    onWarning: (message: string) => tell(context, 'warning', message),
    onNote: (message: string) => {
      if (context.env['AIRPLANT_DEBUG']) tell(context, 'note', message);
    },
  };
}

/** A line for the user, or an event where progress is reported as JSON, so that every line stays JSON. */
export function tell(context: CommandContext, kind: 'note' | 'warning', message: string): void {
  const { args, env, stderr } = context;
  const style = args.occurrences.findLast(({ name }) => name === 'progress')?.values[0];
  if (style === 'json') {
    new JsonReporter({ stream: stderr }).handle({ type: 'warning', message });
    return;
  }
  const label = `${kind}:`;
  const paint = painter(wantsColours(stderr, env));
  stderr.write(`${kind === 'warning' ? paint('yellow', label) : label} ${plainText(message)}\n`);
}
