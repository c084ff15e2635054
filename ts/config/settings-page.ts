import { formatSettingValue, whatItTakes } from './setting-value.js';
import { type SettingName, type SettingsHost, settingDefinition, settingNames } from './settings.js';

/** `docs/settings.md`: the settings table as a Markdown page. */
export function settingsPage(): string {
  return [introduction, ...settingNames.map(section)].join('\n\n').concat('\n');
}

const introduction = `# Settings

<!-- Generated from ts/config/settings.ts by \`npm run docs\`; edit the table, not this page. -->

A setting has a default, which these override, each the ones before it:

1. \`$NIX_CONF_DIR/nix.conf\`, otherwise \`/etc/nix/nix.conf\`
2. \`nix/nix.conf\` in each of \`$XDG_CONFIG_DIRS\`, then in \`$XDG_CONFIG_HOME\`; or instead the files listed in
   \`$NIX_USER_CONF_FILES\`, the first of them being the strongest
3. \`$XDG_CONFIG_HOME/airplant/airplant.conf\`
4. the environment variable \`NIX_CONFIG\`, which holds the text of a configuration file
5. the \`settings\` a module exports
6. the command line: \`--option NAME VALUE\`, and the flags some settings have

A file has lines of the form \`NAME = VALUE\`; \`#\` starts a comment. \`include FILE\` reads another file and
\`!include FILE\` reads it if it exists. A list is added to, rather than replaced, under the name \`extra-NAME\`.
Settings of Nix's that airplant does not have are ignored in a nix.conf.

\`airplant config\` shows every value and where it came from.`;

function section(name: SettingName): string {
  const definition = settingDefinition(name);
  const facts = [
    `- Takes: ${whatItTakes(definition)}`,
    `- Default: ${definition.defaultText ?? `\`${formatSettingValue(definition.default(noHost))}\``}`,
  ];
  if (definition.flag) {
    const short = definition.flag.short ? `\`-${definition.flag.short}\`, ` : '';
    const argument = definition.flag.argument ? ` ${definition.flag.argument}` : '';
    facts.push(`- Flag: ${short}\`--${name}${argument}\``);
  }
  const older = [...definition.aliases, ...definition.appendAliases.map((alias) => `${alias} (adds)`)];
  if (older.length > 0) facts.push(`- Older names: ${older.join(', ')}`);
  return `## ${name}\n\n${definition.description}\n\n${facts.join('\n')}`;
}

/** Defaults that depend on the host are described in words, so that the page is the same everywhere. */
const noHost: SettingsHost = {
  env: {},
  system: '',
  extraPlatforms: [],
  cpus: 1,
  kvm: false,
  idRanges: false,
};
