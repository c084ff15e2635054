import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { AirplantError } from '../base/errors.js';
import { parseNixConf, type Statement } from './nix-conf.js';

type Environment = Readonly<Record<string, string | undefined>>;

/** A `NAME = VALUE` line and where it stands. `own` is true in airplant.conf, where an unknown name is a mistake. */
export interface ConfigLine {
  readonly name: string;
  readonly value: string;
  readonly file: string;
  readonly line: number;
  readonly own: boolean;
}

/**
 * Every setting written in a configuration file or in `NIX_CONFIG`, weakest first, includes followed:
 *
 * 1. `$NIX_CONF_DIR/nix.conf`, otherwise `/etc/nix/nix.conf`
 * 2. the files of `NIX_USER_CONF_FILES` (colon-separated, the first is strongest); if that is not set, `nix/nix.conf`
 *    in each of `XDG_CONFIG_DIRS` and then in `XDG_CONFIG_HOME`
 * 3. `$XDG_CONFIG_HOME/airplant/airplant.conf`, so that airplant can differ from a Nix beside it
 * 4. the text of `NIX_CONFIG`
 *
 * 1, 2 and 4 are as in Nix 2.8. Throws ERR_SETTING for a line that cannot be read and for a missing `include`.
 */
export function readConfigFiles(env: Environment): ConfigLine[] {
  const configHome = env['XDG_CONFIG_HOME'] || join(env['HOME'] || homedir(), '.config');
  const lines: ConfigLine[] = [];
  for (const file of [join(env['NIX_CONF_DIR'] || '/etc/nix', 'nix.conf'), ...userFiles(env, configHome)]) {
    lines.push(...readWithIncludes(file, false));
  }
  lines.push(...readWithIncludes(join(configHome, 'airplant', 'airplant.conf'), true));
  if (env['NIX_CONFIG']) {
    lines.push(...followIncludes({ file: 'NIX_CONFIG', text: env['NIX_CONFIG'], own: false }));
  }
  return lines;
}

/** Far above any real file; keeps an include of something endless from filling the memory. */
const largestFile = 4 * 1024 * 1024;
const deepestInclude = 16;

function userFiles(env: Environment, configHome: string): string[] {
  const listed = env['NIX_USER_CONF_FILES'];
  if (listed) return listed.split(':').filter(Boolean).reverse();
  const directories = (env['XDG_CONFIG_DIRS'] || '/etc/xdg').split(':').filter(Boolean);
  return [configHome, ...directories].map((directory) => join(directory, 'nix', 'nix.conf')).reverse();
}

function readWithIncludes(file: string, own: boolean): ConfigLine[] {
  const text = readIfPresent(file);
  return text === undefined ? [] : followIncludes({ file, text, own });
}

interface OpenFile {
  readonly file: string;
  readonly statements: readonly Statement[];
  next: number;
}

/** Depth-first over the include statements, on a stack of its own. */
function followIncludes(start: { file: string; text: string; own: boolean }): ConfigLine[] {
  const lines: ConfigLine[] = [];
  const open: OpenFile[] = [{ file: start.file, statements: parseNixConf(start.text, start.file), next: 0 }];
  while (open.length > 0) {
    const current = open[open.length - 1]!;
    const statement = current.statements[current.next++];
    if (!statement) {
      open.pop();
    } else if (statement.kind === 'set') {
      const { name, value, line } = statement;
      lines.push({ name, value, file: current.file, line, own: start.own });
    } else {
      const included = openInclude(statement, current.file, open);
      if (included) open.push(included);
    }
  }
  return lines;
}

function openInclude(
  statement: Statement & { kind: 'include' },
  from: string,
  open: readonly OpenFile[],
): OpenFile | undefined {
  const file = isAbsolute(statement.path) ? statement.path : resolve(dirname(from), statement.path);
  const place = `${from}:${statement.line}`;
  if (open.length >= deepestInclude || open.some((other) => other.file === file)) {
    throw new AirplantError(
      'ERR_SETTING',
      `${place} includes '${file}', which includes itself or nests too deeply`,
    );
  }
  const text = readIfPresent(file);
  if (text !== undefined) return { file, statements: parseNixConf(text, file), next: 0 };
  if (statement.optional) return undefined;
  throw new AirplantError('ERR_SETTING', `file '${file}' included from ${place} not found`, {
    hint: 'Write `!include` for a file that may be missing.',
  });
}

/** The file's text, or undefined if there is none. Only regular files below `largestFile` are read. */
function readIfPresent(file: string): string | undefined {
  let fd: number;
  try {
    // A FIFO in its place is refused below, not waited for.
    fd = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw new AirplantError('ERR_SETTING', `configuration file '${file}' cannot be read: ${code}`, { cause });
  }
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile() || stat.size > largestFile) {
      throw new AirplantError('ERR_SETTING', `configuration file '${file}' is not an ordinary text file`);
    }
    return readFileSync(fd, 'utf8');
  } finally {
    closeSync(fd);
  }
}
