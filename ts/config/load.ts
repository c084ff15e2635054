import { AirplantError, isAirplantError } from '../base/errors.js';
import { nearestWord } from '../base/nearest.js';
import { readConfigFiles } from './config-files.js';
import { settingsHost } from './host.js';
import { checkSettingValue } from './setting-value.js';
import {
  type SettingName,
  type Settings,
  type SettingsHost,
  type SettingValue,
  settingDefinition,
  settingNames,
} from './settings.js';

/** Where a value came from. */
export type SettingOrigin =
  | { readonly kind: 'default' }
  | { readonly kind: 'file'; readonly file: string; readonly line: number }
  | { readonly kind: 'module'; readonly file: string }
  | { readonly kind: 'command-line' }
  | { readonly kind: 'program' };

/**
 * Settings given by a program or on the command line: any name that nix.conf takes, `extra-` forms and old names
 * included. A string is read as nix.conf would read it.
 */
export type SettingsInput = {
  readonly [Name in SettingName]?: Settings[Name] | string | undefined;
} & { readonly [name: `extra-${string}` | `build-${string}`]: unknown };

/** One source of settings; later layers win over earlier ones. */
export interface SettingsLayer {
  readonly origin: SettingOrigin;
  /** In the order given; a name may occur more than once. */
  readonly values: Iterable<readonly [name: string, value: unknown]>;
}

export interface LoadedSettings {
  readonly settings: Settings;
  /** Where each value comes from; several for a list that `extra-` lines added to. */
  readonly origins: ReadonlyMap<SettingName, readonly SettingOrigin[]>;
}

/**
 * The effective settings: defaults, then configuration files and `NIX_CONFIG` (config-files.ts), then the layers.
 *
 * A name nobody knows is ignored in a nix.conf, which may be written for a Nix that knows more (`onNote` hears of
 * it); in airplant.conf it gives a warning; in a layer it is ERR_SETTING. A wrong value is ERR_SETTING everywhere.
 */
export function loadSettings(options: {
  readonly env: SettingsHost['env'];
  readonly layers?: readonly SettingsLayer[];
  readonly host?: SettingsHost;
  readonly onWarning?: (message: string) => void;
  readonly onNote?: (message: string) => void;
}): LoadedSettings {
  const builder = new SettingsBuilder(options.host ?? settingsHost(options.env));
  for (const { name, value, file, line, own } of readConfigFiles(options.env)) {
    if (builder.assign(name, value, { kind: 'file', file, line })) continue;
    (own ? options.onWarning : options.onNote)?.(`${file}:${line}: ${unknownSetting(name)}`);
  }
  for (const { origin, values } of options.layers ?? []) {
    for (const [name, value] of values) {
      if (value === undefined || builder.assign(name, value, origin)) continue;
      throw new AirplantError('ERR_SETTING', unknownSetting(name), { details: { setting: name } });
    }
  }
  return builder.finish();
}

/** A layer made of an object such as the settings a program gives to `openStore`. */
export function settingsLayer(origin: SettingOrigin, input: SettingsInput): SettingsLayer {
  return { origin, values: Object.entries(input) };
}

/** An origin as a reader would name it: `/etc/nix/nix.conf:3`, `command line`. */
export function describeOrigin(origin: SettingOrigin): string {
  switch (origin.kind) {
    case 'file':
      return `${origin.file}:${origin.line}`;
    case 'module':
      return origin.file;
    case 'command-line':
      return 'command line';
    default:
      return origin.kind;
  }
}

/**
 * The setting a name stands for, and whether it adds to the earlier value (`extra-sandbox-paths`,
 * `build-extra-chroot-dirs`). Undefined for a name nobody knows.
 */
export function findSetting(name: string): { name: SettingName; append: boolean } | undefined {
  return vocabulary.get(name);
}

const vocabulary = buildVocabulary();

function buildVocabulary(): ReadonlyMap<string, { name: SettingName; append: boolean }> {
  const words = new Map<string, { name: SettingName; append: boolean }>();
  for (const name of settingNames) {
    const { kind, aliases, appendAliases } = settingDefinition(name);
    for (const word of [name, ...aliases]) words.set(word, { name, append: false });
    if (kind !== 'list') continue;
    for (const word of [`extra-${name}`, ...appendAliases]) words.set(word, { name, append: true });
  }
  return words;
}

class SettingsBuilder {
  readonly #host: SettingsHost;
  readonly #values = new Map<SettingName, SettingValue>();
  readonly #origins = new Map<SettingName, readonly SettingOrigin[]>();

  constructor(host: SettingsHost) {
    this.#host = host;
    for (const name of settingNames) {
      this.#values.set(name, settingDefinition(name).default(host));
      this.#origins.set(name, [{ kind: 'default' }]);
    }
  }

  /** False if nobody knows the name. */
  assign(word: string, value: unknown, origin: SettingOrigin): boolean {
    const found = vocabulary.get(word);
    if (!found) return false;
    const { name, append } = found;
    const checked = at(origin, () =>
      checkSettingValue({ ...settingDefinition(name), name: word }, value, this.#host),
    );
    if (append) {
      this.#values.set(name, [...(this.#values.get(name) as string[]), ...(checked as string[])]);
      this.#origins.set(name, [...this.#origins.get(name)!, origin]);
    } else {
      this.#values.set(name, checked);
      this.#origins.set(name, [origin]);
    }
    return true;
  }

  finish(): LoadedSettings {
    return { settings: Object.fromEntries(this.#values) as unknown as Settings, origins: this.#origins };
  }
}

/** Adds the file and line to an error about a value that stands in a file. */
function at<T>(origin: SettingOrigin, check: () => T): T {
  try {
    return check();
  } catch (error) {
    if (origin.kind !== 'file' || !isAirplantError(error)) throw error;
    const { file, line } = origin;
    throw new AirplantError(error.code, `${file}:${line}: ${error.message}`, {
      details: { ...error.details, file, line },
    });
  }
}

function unknownSetting(name: string): string {
  const nearest = nearestWord(name, vocabulary.keys());
  return `unknown setting '${name}'${nearest ? `; did you mean '${nearest}'?` : ''}`;
}
