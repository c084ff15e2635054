import { AirplantError } from '../base/errors.js';
import type { SettingKind, SettingsHost, SettingValue, SettingValues } from './settings.js';

/** What is asked of a value. `most`: the largest number. */
export interface NamedSetting<Kind extends SettingKind> {
  readonly name: string;
  readonly kind: Kind;
  readonly most?: number | undefined;
}

/**
 * The value a setting's text stands for, as nix.conf and `--option` write it.
 *
 * Throws ERR_SETTING naming the setting, the text and what was expected.
 */
export function parseSettingValue<Kind extends SettingKind>(
  setting: NamedSetting<Kind>,
  text: string,
  host: Pick<SettingsHost, 'cpus'>,
): SettingValues[Kind] {
  const value = (parsers[setting.kind] as Parser<Kind>)(text.trim(), host);
  if (value === undefined || isTooLarge(setting, value)) throw wrongValue(setting, text);
  return value;
}

/** The same for a value that comes from a program: the right type already, or a string to be parsed. */
export function checkSettingValue<Kind extends SettingKind>(
  setting: NamedSetting<Kind>,
  value: unknown,
  host: Pick<SettingsHost, 'cpus'>,
): SettingValues[Kind] {
  if (typeof value === 'string') return parseSettingValue(setting, value, host);
  const fits = (checks[setting.kind] as (value: unknown) => boolean)(value);
  if (!fits || isTooLarge(setting, value)) throw wrongValue(setting, value);
  return value as SettingValues[Kind];
}

/** A value as nix.conf would write it. */
export function formatSettingValue(value: SettingValue): string {
  return Array.isArray(value) ? value.join(' ') : String(value);
}

/** What a setting of this kind takes. */
const kindDescriptions: Readonly<Record<SettingKind, string>> = {
  text: 'a string',
  list: 'words separated by spaces',
  boolean: '`true` or `false`',
  count: 'a whole number, 0 or more',
  bytes: 'a number of bytes, with an optional suffix K, M, G or T',
  jobs: 'a whole number, 0 or more, or `auto`',
  sandbox: '`true`, `relaxed` or `false`',
  network: '`auto`, `private` or `host`',
  program: 'an absolute path, a name without slashes, or nothing',
};

/** The same for one setting. */
export function whatItTakes({ kind, most }: Pick<NamedSetting<SettingKind>, 'kind' | 'most'>): string {
  return most === undefined ? kindDescriptions[kind] : `a whole number from 0 to ${most}`;
}

type Parser<Kind extends SettingKind> = (
  text: string,
  host: Pick<SettingsHost, 'cpus'>,
) => SettingValues[Kind] | undefined;

const parsers: { readonly [Kind in SettingKind]: Parser<Kind> } = {
  text: (text) => text,
  list: (text) => text.split(/\s+/).filter((word) => word !== ''),
  boolean: parseBoolean,
  count: parseCount,
  bytes: parseBytes,
  jobs: (text, host) => (text === 'auto' ? host.cpus : parseCount(text)),
  sandbox: (text) => (text === 'relaxed' ? 'relaxed' : parseBoolean(text)),
  network: (text) => (text === 'auto' || text === 'private' || text === 'host' ? text : undefined),
  program: (text) => (text.startsWith('/') || !text.includes('/') ? text : undefined),
};

const checks: Readonly<Record<SettingKind, (value: unknown) => boolean>> = {
  text: () => false,
  list: (value) =>
    Array.isArray(value) && value.every((word) => typeof word === 'string' && !/\s/.test(word)),
  boolean: (value) => typeof value === 'boolean',
  count: isCount,
  bytes: isCount,
  jobs: isCount,
  sandbox: (value) => typeof value === 'boolean',
  network: () => false,
  program: () => false,
};

/** Nix 2.8 takes these six words. */
function parseBoolean(text: string): boolean | undefined {
  if (text === 'true' || text === 'yes' || text === '1') return true;
  if (text === 'false' || text === 'no' || text === '0') return false;
  return undefined;
}

function parseCount(text: string): number | undefined {
  if (!/^[0-9]{1,16}$/.test(text)) return undefined;
  const value = Number(text);
  return isCount(value) ? value : undefined;
}

function parseBytes(text: string): number | undefined {
  const match = /^([0-9]{1,16})([KMGT]?)$/i.exec(text);
  if (!match) return undefined;
  const value = Number(match[1]) * 1024 ** ' KMGT'.indexOf(match[2]!.toUpperCase() || ' ');
  return isCount(value) ? value : undefined;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isTooLarge({ most }: NamedSetting<SettingKind>, value: unknown): boolean {
  return most !== undefined && (value as number) > most;
}

function wrongValue(setting: NamedSetting<SettingKind>, value: unknown) {
  const shown = typeof value === 'string' ? `'${value}'` : (JSON.stringify(value) ?? String(value));
  return new AirplantError(
    'ERR_SETTING',
    `setting '${setting.name}' cannot be ${shown}: it is ${whatItTakes(setting)}`,
    { details: { setting: setting.name } },
  );
}
