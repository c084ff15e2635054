import { AirplantError } from '../../base/errors.js';
import type { ClassicProgram, ProgramHost } from '../command.js';
import { classicHelp } from '../help.js';
import { buildExpressions } from './build/build-expressions.js';
import { evaluationFlags } from './build/evaluation-flags.js';
import type { GlobalOptions } from './global-options.js';
import { readWords } from './read-words.js';
import { runClassic } from './run-classic.js';
import { classicContext } from './session.js';
import { versionText } from './version-text.js';

export const nixBuild: ClassicProgram = {
  name: 'nix-build',
  operands: '[FLAG]... [FILE]...',
  description: `Does what \`nix-build\` of Nix 2.8 does, but builds with airplant.

A FILE holds an expression, which the \`nix-instantiate\` of a real Nix in \`PATH\` evaluates (default.nix if there is none); \`-A\`, \`-E\`, \`--arg\`, \`--argstr\` and \`-I\` are its flags. A FILE that is a .drv in the store needs no Nix. Links to the outputs are called result, result-2, result-dev, or as \`-o\` says; \`--no-out-link\` makes none.`,
  runClassic: (argv, host) => runClassic('nix-build', host, () => main(argv, host)),
};

/** What a line says besides global flags. */
export interface BuildLine {
  /** Files, or expressions with `-E`. */
  readonly operands: string[];
  readonly attributes: string[];
  expressions: boolean;
  /** As given; undefined with `--no-out-link`. */
  outLink: string | undefined;
  dryRun: boolean;
  check: boolean;
  repair: boolean;
  ask: 'help' | 'version' | undefined;
}

async function main(argv: readonly string[], host: ProgramHost): Promise<number> {
  const { line, options } = readLine(argv);
  if (line.ask === 'help') {
    await host.stdout.write(classicHelp(nixBuild));
    return 0;
  }
  const context = classicContext(host, options);
  if (line.ask === 'version') {
    await host.stdout.write(versionText('nix-build', context, options.verbosity));
    return 0;
  }
  return await buildExpressions(line, context, options.forEvaluation);
}

function readLine(argv: readonly string[]): { line: BuildLine; options: GlobalOptions } {
  const line: BuildLine = {
    operands: [],
    attributes: [],
    expressions: false,
    outLink: './result',
    dryRun: false,
    check: false,
    repair: false,
    ask: undefined,
  };
  const options = readWords(argv, (word, next) => takeWord(line, word, next), evaluationFlags);
  return { line, options };
}

function takeWord(line: BuildLine, word: string, next: () => string): boolean | 'stop' {
  switch (word) {
    case '--help':
    case '--version':
      line.ask = word === '--help' ? 'help' : 'version';
      return 'stop';
    case '--no-out-link':
    case '--no-link':
      line.outLink = undefined;
      return true;
    case '--out-link':
    case '-o':
      line.outLink = next();
      return true;
    case '--attr':
    case '-A':
      line.attributes.push(next());
      return true;
    case '--expr':
    case '-E':
      line.expressions = true;
      return true;
    case '--dry-run':
      line.dryRun = true;
      return true;
    case '--check':
      line.check = true;
      return true;
    case '--repair':
      line.repair = true;
      return true;
    case '--run-env':
      throw new AirplantError(
        'ERR_UNSUPPORTED',
        '`nix-build --run-env` is `nix-shell`, which airplant has not',
        {
          hint: '`airplant shell` starts a shell that sees the store.',
        },
      );
    // Read by Nix, which makes nothing of them.
    case '--add-drv-link':
    case '--indirect':
    case '--pure':
      return true;
    case '--drv-link':
    case '--add-root':
    case '--exclude':
    case '--keep':
      next();
      return true;
    default:
      if (word.startsWith('-') && word !== '-') return false;
      line.operands.push(word);
      return true;
  }
}
