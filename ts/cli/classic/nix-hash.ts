import {
  compressHash,
  type DigestEncoding,
  digestBytes,
  formatDigest,
  formatHash,
  type Hash,
  type HashAlgorithm,
  parseHash,
} from '../../formats/hash.js';
import type { ClassicProgram, CommandContext, ProgramHost } from '../command.js';
import { classicHelp } from '../help.js';
import { readablePath } from '../readable-path.js';
import { commandSettings } from '../store-session.js';
import { algorithmOf } from './algorithm.js';
import { existsAt } from './exists-at.js';
import type { GlobalOptions } from './global-options.js';
import { noSuchFile } from './operand.js';
import { readWords } from './read-words.js';
import { runClassic } from './run-classic.js';
import { classicContext } from './session.js';
import { versionText } from './version-text.js';

export const nixHash: ClassicProgram = {
  name: 'nix-hash',
  operands: '[FLAG]... PATH...',
  description: `Does what \`nix-hash\` of Nix 2.8 does: prints the hashes of the archives of paths, with \`--flat\` of the contents of files.

\`--type\` is md5 (the default), sha1, sha256 or sha512; \`--base16\` (the default), \`--base32\`, \`--base64\` and \`--sri\` say how hashes are printed; \`--truncate\` makes them 160 bits long. \`--to-base16\`, \`--to-base32\`, \`--to-base64\` and \`--to-sri\` take hashes instead of paths, and print them in that form.`,
  runClassic: (argv, host) => runClassic('nix-hash', host, () => main(argv, host)),
};

type Form = DigestEncoding | 'sri';

const forms: ReadonlyMap<string, Form> = new Map([
  ['--base16', 'base16'],
  ['--base32', 'base32'],
  ['--base64', 'base64'],
  ['--sri', 'sri'],
]);

interface Line {
  readonly operands: string[];
  ask: 'help' | 'version' | undefined;
  algorithm: HashAlgorithm;
  form: Form;
  /** Operands are hashes. */
  convert: boolean;
  flat: boolean;
  truncate: boolean;
}

async function main(argv: readonly string[], host: ProgramHost): Promise<number> {
  const { line, options } = readLine(argv);
  if (line.ask === 'help') {
    await host.stdout.write(classicHelp(nixHash));
    return 0;
  }
  const context = classicContext(host, options);
  if (line.ask === 'version') {
    await host.stdout.write(versionText('nix-hash', context, options.verbosity));
    return 0;
  }
  const { convert, form } = line;
  for (const operand of line.operands) {
    const hash = convert ? parseHash(operand, line.algorithm) : await hashPath(context, operand, line);
    await host.stdout.write(`${form === 'sri' ? formatHash(hash, 'sri') : formatDigest(hash, form)}\n`);
  }
  return 0;
}

function readLine(argv: readonly string[]): { line: Line; options: GlobalOptions } {
  const line: Line = {
    operands: [],
    ask: undefined,
    algorithm: 'md5',
    form: 'base16',
    convert: false,
    flat: false,
    truncate: false,
  };
  const options = readWords(argv, (word, next) => {
    const plain = word.replace(/^--to-/, '--');
    if (word === '--help' || word === '--version') {
      line.ask = word === '--help' ? 'help' : 'version';
      return 'stop';
    }
    if (word === '--flat') line.flat = true;
    else if (word === '--truncate') line.truncate = true;
    else if (word === '--type') line.algorithm = algorithmOf(next());
    else if (forms.has(plain)) {
      line.form = forms.get(plain)!;
      line.convert ||= plain !== word;
    } else if (word.startsWith('-')) return false;
    else line.operands.push(word);
    return true;
  });
  return { line, options };
}

async function hashPath(context: CommandContext, operand: string, line: Line): Promise<Hash> {
  const { algorithm, flat, truncate } = line;
  const path = await readablePath(context, operand, { followLast: flat });
  if (!existsAt(path)) throw noSuchFile(operand);
  const { contentHash } = await import('../../store/content-hash.js');
  const caseHack = commandSettings(context)['use-case-hack'];
  const hash = await contentHash(path, { method: flat ? 'flat' : 'nar', algorithm, caseHack });
  const bytes = digestBytes(hash);
  if (!truncate || bytes.length <= truncatedLength) return hash;
  return { algorithm, hex: compressHash(bytes, truncatedLength).toString('hex') };
}

const truncatedLength = 20;
