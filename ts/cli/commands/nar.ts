import { resolve } from 'node:path';
import { AirplantError } from '../../base/errors.js';
import { filterLine } from '../../base/terminal-filter.js';
import { encodeText } from '../../base/text.js';
import type { ListedNode } from '../../formats/nar/listing.js';
import type { NarEntry } from '../../formats/nar/resolve.js';
import type { Command, CommandContext, CommandGroup } from '../command.js';
import { jsonFlag } from '../common-flags.js';
import { named, readListing, standardInput, withArchive } from '../open-archive.js';
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

FILE may be \`-\` for standard input, or lie in the store; a directory, a store path say, is listed as the archive it would make. Of a file only the names are read. Symlinks on the way to PATH are followed inside the archive. --json prints the whole listing as binary caches publish it.`,
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
  description: `Prints one file out of an archive; FILE may be \`-\` for standard input, lie in the store, or be a directory.

Of a file nothing else is read. Symlinks are followed inside the archive, but for one on standard input, which is read to its end.`,
  flags: storeFlags,
  async run(context) {
    const [file, path] = context.args.operands as readonly [string, string];
    if (file === '-') return await catStream(context, path);
    return await withArchive(context, file, async ({ accessor }) => {
      for await (const chunk of accessor.read(path)) await context.stdout.write(chunk);
      return 0;
    });
  },
};

export const narCommands: CommandGroup = {
  name: 'nar',
  commands: [dumpCommand, restoreCommand, listCommand, catCommand],
};

async function list(context: CommandContext): Promise<number> {
  const { args, stdout } = context;
  const [file, path = ''] = args.operands as readonly [string, string?];
  const [{ formatListing }, { resolveInNar }] = await Promise.all([
    import('../../formats/nar/listing.js'),
    import('../../formats/nar/resolve.js'),
  ]);
  const { listing, storePath } = await readListing(context, file);
  if (args.has('json')) {
    await stdout.write(`${formatListing(listing)}\n`);
    return 0;
  }
  const top = resolveInNar(listing.root, path, { storePath });
  for (const { path, node } of listed(top, args.has('recursive'))) {
    const name = path === '' ? '.' : `./${path}`;
    const line = args.has('long') ? longLine(node, name) : name;
    await stdout.write(stdout.isTTY ? `${filterLine(line, { colours: false })}\n` : encodeText(`${line}\n`));
  }
  return 0;
}

/** A directory stands for its entries, unless everything is listed; any other thing stands for itself. */
function* listed(top: NarEntry, recursive: boolean): Generator<NarEntry> {
  if (recursive || top.node.type !== 'directory') yield top;
  if (top.node.type !== 'directory') return;
  for (const [name, node] of top.node.entries) {
    const entry = { path: top.path === '' ? name : `${top.path}/${name}`, node };
    // No deeper than a NAR can be.
    if (recursive) yield* listed(entry, true);
    else yield entry;
  }
}

/** The columns of `nix nar ls --long`. */
function longLine(node: ListedNode, name: string): string {
  const size = String(node.type === 'regular' ? node.size : 0).padStart(20);
  switch (node.type) {
    case 'regular':
      return `${node.executable ? '-r-xr-xr-x' : '-r--r--r--'} ${size} ${name}`;
    case 'symlink':
      return `lrwxrwxrwx ${size} ${name} -> ${node.target}`;
    case 'directory':
      return `dr-xr-xr-x ${size} ${name}`;
  }
}

/** An archive that comes but once: the file is printed as it passes by, and the rest is checked. */
async function catStream({ stdin, stdout }: CommandContext, path: string): Promise<number> {
  const wanted = normalise(path);
  const { readNar } = await import('../../formats/nar/read.js');
  const names: string[] = [];
  let found = false;
  try {
    for await (const event of readNar(stdin())) {
      if (event.kind === 'entry') names.push(event.name);
      const here = names.join('/') === wanted;
      if (here && event.kind === 'regular') found = true;
      if (here && event.kind === 'data') await stdout.write(event.chunk);
      if (here && (event.kind === 'directory' || event.kind === 'symlink')) {
        throw new AirplantError('ERR_FILE', `'${wanted}' in the archive is a ${event.kind}, not a file`);
      }
      // A node that ends is the one the last name stands for; the end of a directory has that name on top again.
      if (event.kind === 'regular-end' || event.kind === 'symlink' || event.kind === 'directory-end')
        names.pop();
    }
  } catch (error) {
    throw named(error, standardInput);
  }
  if (!found) throw new AirplantError('ERR_FILE', `'${wanted}' is not in the archive`);
  return 0;
}

function normalise(path: string): string {
  return path
    .split('/')
    .filter((part) => part !== '' && part !== '.')
    .join('/');
}
