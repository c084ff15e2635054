import type { AirplantError } from '../../base/errors.js';
import { quote } from '../../base/quote.js';
import { decodeText } from '../../base/text.js';
import { largestLimits } from '../../sandbox/control-group.js';
import { type HostPathWish, hostPath } from '../../sandbox/host-paths.js';
import type { BuildLimits, BuildRequest } from '../records.js';
import { hookError } from './hook-error.js';

/** What a hook asks for, in either dialect. */
export interface HookReply {
  readonly paths: readonly HostPathWish[];
  /** Variables to set, or (null) to leave out. */
  readonly environment: ReadonlyMap<string, string | null>;
  readonly limits: Partial<BuildLimits>;
  /** Undefined: as it was. */
  readonly network: BuildRequest['network'] | undefined;
  /** Why the build must not be made. */
  readonly refusal: string | undefined;
}

/** First line of a reply in JSON. */
export const jsonDialect = 'airplant-hook 1';

/**
 * Reads what a hook printed. A first line `airplant-hook 1` is followed by one JSON object; anything else is Nix's
 * dialect: lists that begin with `extra-sandbox-paths` or `extra-chroot-dirs` and end with an empty line.
 *
 * Throws ERR_HOOK, with Nix's message for an unknown command, or ERR_SANDBOX_PATH.
 */
export function parseHookReply(output: Uint8Array, program: string): HookReply {
  const text = decodeText(output);
  const end = text.indexOf('\n');
  const first = end < 0 ? text : text.slice(0, end);
  if (first === jsonDialect) return parseJsonReply(text.slice(first.length), program);
  return { ...nothing, paths: parseClassicReply(text, program) };
}

const nothing: HookReply = {
  paths: [],
  environment: new Map(),
  limits: {},
  network: undefined,
  refusal: undefined,
};

/** As Nix reads it: a last line without newline does not count, and an open list may end with the output. */
function parseClassicReply(text: string, program: string): HostPathWish[] {
  const lines = text.split('\n').slice(0, -1);
  const paths: HostPathWish[] = [];
  let inList = false;
  for (const line of lines) {
    if (!inList) {
      if (line !== 'extra-sandbox-paths' && line !== 'extra-chroot-dirs') {
        throw hookError(program, `printed something unknown: unknown pre-build hook command ${quote(line)}`);
      }
      inList = true;
    } else if (line === '') {
      inList = false;
    } else {
      const equals = line.indexOf('=');
      const sides = {
        source: line.slice(equals + 1),
        ...(equals < 0 ? {} : { target: line.slice(0, equals) }),
      };
      paths.push({
        ...hostPath(sides, line),
        optional: false,
        readOnly: true,
        why: why(program),
        expand: true,
      });
    }
  }
  return paths;
}

function why(program: string): string {
  return `the pre-build hook ${quote(program)} named it`;
}

function parseJsonReply(text: string, program: string): HookReply {
  const reader = new ReplyReader(program);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw hookError(program, 'printed something that is not JSON', { said: (cause as Error).message });
  }
  const reply = reader.object(value, '$', ['paths', 'environment', 'limits', 'network', 'refuse']);
  const limits = reader.object(reply['limits'] ?? {}, '$.limits', limitNames);
  const environment = reader.object(reply['environment'] ?? {}, '$.environment');
  const network = networks.find((one) => one === reply['network']);
  if (reply['network'] !== undefined && network === undefined) {
    throw reader.wrong('$.network', networks.map((one) => `"${one}"`).join(' or '));
  }
  return {
    paths: reader
      .list(reply['paths'] ?? [], '$.paths')
      .map((path, index) => reader.path(path, `$.paths[${index}]`)),
    environment: new Map(
      Object.entries(environment).map(([name, value]) => [name, reader.variable(name, value)] as const),
    ),
    limits: Object.fromEntries(
      Object.entries(limits).map(([name, value]) => [
        name,
        reader.count(value, `$.limits.${name}`, mostOf(name)),
      ]),
    ),
    network,
    refusal:
      reply['refuse'] === undefined
        ? undefined
        : reader.text(reply['refuse'], '$.refuse') || 'no reason given',
  };
}

const networks: readonly BuildRequest['network'][] = ['none', 'private', 'auto', 'host'];

const limitNames: readonly (keyof BuildLimits)[] = [
  'timeoutSeconds',
  'maxSilentSeconds',
  'maxLogBytes',
  'memoryBytes',
  'pids',
  'cpuPercent',
];

function mostOf(limit: string): number {
  return (largestLimits as Readonly<Record<string, number>>)[limit] ?? Number.MAX_SAFE_INTEGER;
}

/** Takes a JSON value apart; what is not as it should be is an error that says where. */
class ReplyReader {
  readonly #program: string;

  constructor(program: string) {
    this.#program = program;
  }

  object(value: unknown, at: string, fields?: readonly string[]): Readonly<Record<string, unknown>> {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw this.wrong(at, 'an object');
    const unknown = fields && Object.keys(value).find((name) => !fields.includes(name));
    if (unknown !== undefined) {
      throw this.wrong(`${at}.${unknown}`, `absent: the fields there are ${fields!.join(', ')}`);
    }
    return value as Record<string, unknown>;
  }

  list(value: unknown, at: string): readonly unknown[] {
    if (!Array.isArray(value)) throw this.wrong(at, 'a list');
    return value;
  }

  text(value: unknown, at: string): string {
    if (typeof value !== 'string') throw this.wrong(at, 'a string');
    return value;
  }

  count(value: unknown, at: string, most: number): number {
    const isCount = Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= most;
    if (!isCount) throw this.wrong(at, `a whole number from 0 to ${most}`);
    return value as number;
  }

  path(value: unknown, at: string): HostPathWish {
    if (typeof value === 'string') return this.#wish(hostPath({ source: value }, value), {}, at);
    const fields = this.object(value, at, ['source', 'target', 'optional', 'readOnly', 'closure']);
    const source = this.text(fields['source'], `${at}.source`);
    if (fields['target'] === undefined) return this.#wish(hostPath({ source }, source), fields, at);
    const target = this.text(fields['target'], `${at}.target`);
    return this.#wish(hostPath({ source, target }, `${target}=${source}`), fields, at);
  }

  variable(name: string, value: unknown): string | null {
    const at = `$.environment.${name}`;
    if (name === '' || /[=\0]/.test(name))
      throw this.wrong(at, 'the name of a variable: without `=` and NUL');
    if (value === null) return null;
    const text = this.text(value, at);
    if (text.includes('\0')) throw this.wrong(at, 'without NUL');
    return text;
  }

  #wish(
    sides: { source: string; target: string },
    fields: Readonly<Record<string, unknown>>,
    at: string,
  ): HostPathWish {
    const flag = (name: string, otherwise: boolean) => {
      const value = fields[name] ?? otherwise;
      if (typeof value !== 'boolean') throw this.wrong(`${at}.${name}`, 'true or false');
      return value;
    };
    return {
      ...sides,
      optional: flag('optional', false),
      readOnly: flag('readOnly', true),
      expand: flag('closure', true),
      why: why(this.#program),
    };
  }

  wrong(at: string, expected: string): AirplantError {
    return hookError(
      this.#program,
      `printed a reply that is wrong at ${quote(at)}: it should be ${expected}`,
    );
  }
}
