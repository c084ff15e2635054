import { AirplantError } from '../base/errors.js';
import { quote } from '../base/quote.js';
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

/**
 * The one derivation that an operand means: a .drv, a module's only one, or the one that made a store path. Throws
 * ERR_USAGE if there are several or none.
 */
export async function oneDerivation({ store, wanted }: WantedInStore, operand: string): Promise<string> {
  const [one, ...more] = wanted;
  const drvPath = one?.kind === 'path' ? await deriverOf(store, one.path) : one?.drvPath;
  if (drvPath !== undefined && more.length === 0) return drvPath;
  throw new AirplantError('ERR_USAGE', `${quote(operand)} is not one derivation`, {
    hint: 'Name a .drv, a module whose default export is one derivation, or what one has made.',
  });
}

/** The derivation that made a path, if the store still has it. */
async function deriverOf({ local }: OpenStore, path: string): Promise<string | undefined> {
  const { deriver } = await local.pathInfo(path);
  return deriver !== undefined && (await local.isValid(deriver)) ? deriver : undefined;
}
