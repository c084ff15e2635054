import { resolve } from 'node:path';
import type { ClassicProgram, ProgramHost } from '../command.js';
import { classicHelp } from '../help.js';
import type { GlobalOptions } from './global-options.js';
import { type Operation, operations } from './operations.js';
import { readWords } from './read-words.js';
import { runClassic } from './run-classic.js';
import { classicContext } from './session.js';
import { usage } from './usage.js';
import { versionText } from './version-text.js';

export const nixStore: ClassicProgram = {
  name: 'nix-store',
  operands: 'OPERATION [FLAG]... [OPERAND]...',
  description: `Does what \`nix-store\` of Nix 2.8 does, with its flags, output and exit statuses.

Exactly one operation is given: ${operations.map(({ names }) => `\`${names[0]}\``).join(', ')}.`,
  runClassic: (argv, host) => runClassic('nix-store', host, () => main(argv, host)),
};

interface Line {
  readonly flags: string[];
  readonly operands: string[];
  operation: (typeof operations)[number] | 'version' | undefined;
  addRoot: string | undefined;
  output: boolean;
  help: boolean;
}

async function main(argv: readonly string[], host: ProgramHost): Promise<number> {
  const { line, options } = readLine(argv, host.cwd);
  if (line.help) {
    await host.stdout.write(classicHelp(nixStore));
    return 0;
  }
  const { operation, flags, operands, addRoot, output } = line;
  if (operation === undefined) throw usage('no operation specified');
  const context = classicContext(host, options);
  if (operation === 'version') {
    await host.stdout.write(versionText('nix-store', context, options.verbosity));
    return 0;
  }
  const run: Operation = await operation.load();
  const { gcWarning, verbosity } = options;
  return (await run({ context, flags, operands, addRoot, output, gcWarning, verbosity })) ?? 0;
}

function readLine(argv: readonly string[], cwd: string): { line: Line; options: GlobalOptions } {
  const line: Line = {
    flags: [],
    operands: [],
    operation: undefined,
    addRoot: undefined,
    output: true,
    help: false,
  };
  const options = readWords(argv, (word, next) => {
    const operation = word === '--version' ? 'version' : operations.find(({ names }) => names.includes(word));
    if (operation !== undefined) {
      if (line.operation !== undefined && line.operation !== operation)
        throw usage('only one operation may be specified');
      line.operation = operation;
    } else if (word === '--help') {
      line.help = true;
      return 'stop';
    } else if (word === '--add-root') {
      line.addRoot = resolve(cwd, next());
    } else if (word === '--no-output') {
      line.output = false;
    } else if (word === '--indirect') {
      // All are.
    } else if (word.startsWith('-')) {
      line.flags.push(word);
      if (flagsWithValue.has(word)) line.flags.push(next());
    } else {
      line.operands.push(word);
    }
    return true;
  });
  return { line, options };
}

/** Flags of operations that have a value; Nix knows two more than it still uses. */
const flagsWithValue: ReadonlySet<string> = new Set(['--max-freed', '--max-links', '--max-atime']);
