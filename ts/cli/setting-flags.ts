import type { SettingsLayer } from '../config/load.js';
import { settingDefinition, settingNames } from '../config/settings.js';
import type { FlagOccurrence } from './arguments.js';
import type { FlagDefinition } from './command.js';

/** Any setting. */
export const optionFlag: FlagDefinition = {
  long: 'option',
  values: ['NAME', 'VALUE'],
  summary: 'set any setting; see `airplant config`',
};

/** Which store, and any setting: for every command that opens a store. */
export const storeFlags: readonly FlagDefinition[] = [
  { long: 'store', values: ['STORE'], summary: 'the store to work on (a directory, or `auto`)' },
  optionFlag,
];

/** The flags that settings have of their own, for commands that build. */
export const settingFlags: readonly FlagDefinition[] = settingNames.flatMap((name) => {
  const { flag, kind } = settingDefinition(name);
  if (!flag) return [];
  const { short, argument, summary } = flag;
  return [
    {
      long: name,
      summary,
      ...(short ? { short } : {}),
      ...(argument ? { values: [argument] } : {}),
      ...(kind === 'boolean' ? { negatable: true } : {}),
    },
  ];
});

/** What the flags of a command line say about settings, in their order. */
export function commandLineLayer(occurrences: readonly FlagOccurrence[]): SettingsLayer {
  const names = new Set<string>(['store', ...settingFlags.map((flag) => flag.long)]);
  const values: (readonly [string, unknown])[] = [];
  for (const { name, on, values: given } of occurrences) {
    if (name === 'option') values.push([given[0]!, given[1]!]);
    else if (names.has(name)) values.push([name, given[0] ?? on]);
  }
  return { origin: { kind: 'command-line' }, values };
}
