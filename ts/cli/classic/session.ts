import type { Store } from '../../open.js';
import { ParsedArguments } from '../arguments.js';
import type { CommandContext, ProgramHost } from '../command.js';
import { commandSettings, tell } from '../store-session.js';
import type { GlobalOptions } from './global-options.js';

/** What a command of airplant's own would be given for the same settings; warnings are printed. */
export function classicContext(host: ProgramHost, options: GlobalOptions): CommandContext {
  const known = ['option', 'store', 'progress', 'print-build-logs', 'json'];
  const args = new ParsedArguments({ operands: [], occurrences: options.occurrences, known });
  const context = { ...host, args };
  for (const warning of options.warnings) tell(context, 'warning', warning);
  return context;
}

/** Opens the store with all it can do, lets `use` work with it, and closes it whatever happens. */
export async function withWholeStore<T>(
  context: CommandContext,
  use: (store: Store) => Promise<T>,
): Promise<T> {
  const settings = commandSettings(context);
  const store = await context.engine.openWholeStore({
    store: settings.store,
    settings,
    env: context.env,
    onWarning: (message) => tell(context, 'warning', message),
  });
  try {
    return await use(store);
  } finally {
    await store.close();
  }
}
