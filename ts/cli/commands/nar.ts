import { resolve } from 'node:path';
import { AirplantError, isAirplantError } from '../../base/errors.js';
import { quote } from '../../base/quote.js';
import { filterLine } from '../../base/terminal-filter.js';
import { encodeText } from '../../base/text.js';
import type { Command, CommandContext, CommandGroup } from '../command.js';
import { jsonFlag } from '../common-flags.js';
import { streamInputFile } from '../input-file.js';
import { readablePath } from '../readable-path.js';
import { optionFlag, storeFlags } from '../setting-flags.js';
import { commandSettings } from '../store-session.js';

const dumpCommand: Command = {
  name: 'nar dump',
  operands: 'PATH',
  operandCount: { min: 1, max: 1 },
  description: `Writes the archive (NAR) of a file or directory to standard output.

PATH may be a store path that exists in the store only.`,
  flags: storeFlags,
  async run(context) {
    const { args, engine, stdout } = context;
    if (stdout.isTTY) {
      throw new AirplantError('ERR_USAGE', 'an archive is not for a terminal; send it to a file or a pipe');
    }
    const caseHack = commandSettings(context)['use-case-hack'];
    const path = await readablePath(context, args.operands[0]!, { followLast: false });
    await engine.dumpNar(path, stdout.fd, { caseHack });
    return 0;
  },
};

const restoreCommand: Command = {
  name: 'nar restore',
  operands: 'PATH',
  operandCount: { min: 1, max: 1 },
  description: `Unpacks the archive on standard input to a path that does not exist yet.

If the archive turns out to be damaged, nothing is left behind.`,
  flags: [optionFlag],
  async run(context) {
    const { args, cwd, stdin } = context;
    const caseHack = commandSettings(context)['use-case-hack'];
    const [{ readNar }, { restoreNar }] = await Promise.all([
      import('../../formats/nar/read.js'),
      import('../../store/restore-nar.js'),
    ]);
    try {
      await restoreNar(readNar(stdin()), resolve(cwd, args.operands[0]!), { caseHack });
    } catch (error) {
      throw named(error, standardInput);
    }
    return 0;
  },
};

const listCommand: Command = {
  name: 'nar ls',
  operands: 'FILE [PATH]',
  operandCount: { min: 1, max: 2 },
  description: `Lists what is in an archive, or below PATH in it.

FILE may be \`-\` for standard input, or lie in the store. --json prints the whole listing as binary caches publish it.`,
  flags: [
    ...storeFlags,
    { long: 'long', short: 'l', summary: 'with type, permission, size and target' },
    { long: 'recursive', short: 'R', summary: 'with everything below' },
    jsonFlag,
  ],
  run: list,
};

const catCommand: Command = {
  name: 'nar cat',
  operands: 'FILE PATH',
  operandCount: { min: 2, max: 2 },
  description: 'Prints one file out of an archive; FILE may be `-` for standard input, or lie in the store.',
  flags: storeFlags,
  async run(context) {
    const wanted = normalise(context.args.operands[1]!);
    let found = false;
    for await (const { event, path } of walk(context)) {
      if (path !== wanted) continue;
      if (event.kind === 'data') await context.stdout.write(event.chunk);
      else if (event.kind === 'regular') found = true;
      else if (event.kind === 'directory' || event.kind === 'symlink') {
        throw new AirplantError('ERR_FILE', `'${wanted}' in the archive is a ${event.kind}, not a file`);
      }
    }
    if (!found) throw notThere(wanted);
    return 0;
  },
};

export const narCommands: CommandGroup = {
  name: 'nar',
  commands: [dumpCommand, restoreCommand, listCommand, catCommand],
};

async function list(context: CommandContext): Promise<number> {
  const { args, stdout } = context;
  if (args.has('json')) {
    const { formatListing, listNar } = await import('../../formats/nar/listing.js');
    const { name, bytes } = await archive(context);
    const listing = await listNar(bytes).catch((error) => {
      throw named(error, name);
    });
    await stdout.write(`${formatListing(listing)}\n`);
    return 0;
  }
  const top = normalise(args.operands[1] ?? '');
  let found = false;
  for await (const { event, path } of walk(context)) {
    if (event.kind !== 'regular' && event.kind !== 'symlink' && event.kind !== 'directory') continue;
    if (path !== top && !path.startsWith(top === '' ? '' : `${top}/`)) continue;
    found = true;
    if (!isListed(path, top, { recursive: args.has('recursive'), isDirectory: event.kind === 'directory' }))
      continue;
    const name = path === '' ? '.' : `./${path}`;
    const line = args.has('long') ? longLine(event, name) : name;
    await stdout.write(stdout.isTTY ? `${filterLine(line, { colours: false })}\n` : encodeText(`${line}\n`));
  }
  if (!found) throw notThere(top);
  return 0;
}

/** A directory stands for its entries, unless everything is listed; any other thing stands for itself. */
function isListed(path: string, top: string, how: { recursive: boolean; isDirectory: boolean }): boolean {
  if (path === top) return !how.isDirectory || how.recursive;
  return how.recursive || !path.slice(top === '' ? 0 : top.length + 1).includes('/');
}

type NodeEvent =
  | { readonly kind: 'regular'; readonly executable: boolean; readonly size: number }
  | { readonly kind: 'symlink'; readonly target: string }
  | { readonly kind: 'directory' };

/** The columns of `nix nar ls --long`. */
function longLine(event: NodeEvent, name: string): string {
  const size = String(event.kind === 'regular' ? event.size : 0).padStart(20);
  switch (event.kind) {
    case 'regular':
      return `${event.executable ? '-r-xr-xr-x' : '-r--r--r--'} ${size} ${name}`;
    case 'symlink':
      return `lrwxrwxrwx ${size} ${name} -> ${event.target}`;
    case 'directory':
      return `dr-xr-xr-x ${size} ${name}`;
  }
}

/** The events of the archive, each with the path it is about: `bin/hello`, or empty for the root. */
async function* walk(context: CommandContext) {
  const { readNar } = await import('../../formats/nar/read.js');
  const { name, bytes } = await archive(context);
  const names: string[] = [];
  try {
    for await (const event of readNar(bytes)) {
      if (event.kind === 'entry') {
        names.push(event.name);
        continue;
      }
      yield { event, path: names.join('/') };
      // A node that ends is the one the last name stands for; the end of a directory has that name on top again.
      if (event.kind === 'regular-end' || event.kind === 'symlink' || event.kind === 'directory-end')
        names.pop();
    }
  } catch (error) {
    throw named(error, name);
  }
}

/** The archive a command reads, under the name that errors give it. */
async function archive(context: CommandContext): Promise<{ name: string; bytes: AsyncIterable<Uint8Array> }> {
  const file = context.args.operands[0]!;
  if (file === '-') return { name: standardInput, bytes: context.stdin() };
  return {
    name: quote(file),
    bytes: streamInputFile(await readablePath(context, file, { followLast: true })),
  };
}

const standardInput = 'standard input';

/** Says of a damaged archive which one it is: its reader knows only the place in it. */
function named(error: unknown, name: string): unknown {
  if (!isAirplantError(error, 'ERR_NAR')) return error;
  const { message, hint, details } = error;
  return new AirplantError('ERR_NAR', `${name}: ${message}`, {
    hint,
    cause: error,
    details: { ...details, file: name },
  });
}

function normalise(path: string): string {
  return path
    .split('/')
    .filter((part) => part !== '' && part !== '.')
    .join('/');
}

function notThere(path: string): AirplantError {
  return new AirplantError('ERR_FILE', `'${path}' is not in the archive`);
}
