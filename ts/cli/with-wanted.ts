import type { Wanted } from '../build/records.js';
import type { SettingsLayer } from '../config/load.js';
import { announceSettings } from './announce-settings.js';
import type { CommandContext } from './command.js';
import type { OpenStore } from './engine.js';
import { loadSources, wantedOf } from './sources.js';
import { withStore } from './store-session.js';

/** What is wanted, the store it is wanted in, and what the modules among the sources have set. */
export interface WantedInStore {
  readonly store: OpenStore;
  readonly wanted: readonly Wanted[];
  readonly moduleSettings: readonly SettingsLayer[];
}

/** Opens the store for the operands of a command that takes what `build` takes, and closes it whatever happens. */
export async function withWanted<T>(
  context: CommandContext,
  operands: readonly string[],
  use: (found: WantedInStore) => Promise<T>,
): Promise<T> {
  const { cwd } = context;
  const { sources, settings: moduleSettings } = await loadSources(operands, cwd);
  announceSettings(context, moduleSettings);
  return await withStore(
    context,
    async (store) => use({ store, wanted: await wantedOf(sources, store, cwd), moduleSettings }),
    moduleSettings,
  );
}
