import { describeOrigin, type SettingsLayer } from '../config/load.js';
import { formatSettingValue } from '../config/setting-value.js';
import type { SettingValue } from '../config/settings.js';
import type { CommandContext } from './command.js';
import { tell } from './store-session.js';

/** Says what modules have set: it is their doing, not the user's. */
export function announceSettings(context: CommandContext, layers: readonly SettingsLayer[]): void {
  for (const { origin, values } of layers) {
    for (const [name, value] of values) {
      tell(
        context,
        'note',
        `${describeOrigin(origin)} sets ${name} = ${formatSettingValue(value as SettingValue)}`,
      );
    }
  }
}
