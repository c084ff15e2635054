import { AirplantError } from '../../base/errors.js';
import { nearestWord } from '../../base/nearest.js';
import { describeOrigin, findSetting, loadSettings } from '../../config/load.js';
import { formatSettingValue } from '../../config/setting-value.js';
import { type SettingName, settingNames } from '../../config/settings.js';
import { plainText } from '../../report/messages.js';
import type { Command } from '../command.js';
import { jsonFlag } from '../common-flags.js';
import { writeJson } from '../output.js';
import { commandLineLayer, settingFlags, storeFlags } from '../setting-flags.js';
import { settingsListeners } from '../store-session.js';

export const configCommand: Command = {
  name: 'config',
  operands: '[NAME]...',
  operandCount: { min: 0, max: Number.POSITIVE_INFINITY },
  description: `Prints settings with their values, each followed by where it came from.

The output has the form of a nix.conf. What each setting means is in docs/settings.md.`,
  flags: [...storeFlags, ...settingFlags, jsonFlag],
  async run(context) {
    const { args, env, stdout } = context;
    const names = args.operands.length > 0 ? args.operands.map(knownSetting) : settingNames;
    const { settings, origins } = loadSettings({
      env,
      layers: [commandLineLayer(args.occurrences)],
      ...settingsListeners(context),
    });
    const rows = names.map((name) => ({
      name,
      value: settings[name],
      origins: origins.get(name)!.map(describeOrigin),
    }));
    if (args.has('json')) {
      const entries = rows.map(({ name, value, origins: from }) => [name, { value, from }]);
      await writeJson(stdout, Object.fromEntries(entries));
    } else {
      const lines = rows.map(
        (row) => `${row.name} = ${formatSettingValue(row.value)}  # ${row.origins.join(', ')}\n`,
      );
      await stdout.write(plainText(lines.join('')));
    }
    return 0;
  },
};

function knownSetting(word: string): SettingName {
  const found = findSetting(word);
  if (found) return found.name;
  const nearest = nearestWord(word, settingNames);
  const meant = nearest ? `; did you mean '${nearest}'?` : '';
  throw new AirplantError('ERR_SETTING', `unknown setting '${word}'${meant}`);
}
