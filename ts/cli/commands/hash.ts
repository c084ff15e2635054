import { createHash } from 'node:crypto';
import { formatDigest, formatHash, type Hash, type HashAlgorithm, parseHash } from '../../formats/hash.js';
import type { Command, CommandContext, CommandGroup, FlagDefinition } from '../command.js';
import { streamInputFile } from '../input-file.js';
import { readablePath } from '../readable-path.js';
import { storeFlags } from '../setting-flags.js';
import { commandSettings } from '../store-session.js';

const algorithms = ['md5', 'sha1', 'sha256', 'sha512'] as const;
const forms = ['sri', 'base16', 'base32', 'base64'] as const;

const algorithmFlag: FlagDefinition = {
  long: 'type',
  values: ['ALGORITHM'],
  choices: algorithms,
  summary: `${algorithms.join(', ')} (default sha256)`,
};
const formFlag: FlagDefinition = {
  long: 'to',
  values: ['FORM'],
  choices: forms,
  summary: `${forms.join(', ')} (default sri)`,
};

const fileCommand: Command = {
  name: 'hash file',
  operands: 'FILE...',
  operandCount: { min: 1, max: Number.POSITIVE_INFINITY },
  description: `Prints the hash of the contents of each file.

This is what a fixed-output derivation with \`outputHashMode = "flat"\` declares. What it names may exist in the store only.`,
  flags: [...storeFlags, algorithmFlag, formFlag],
  async run(context) {
    const algorithm = (context.args.value('type') ?? 'sha256') as HashAlgorithm;
    for (const operand of context.args.operands) {
      const file = await readablePath(context, operand, { followLast: true });
      await print(context, await hashFile(file, algorithm));
    }
    return 0;
  },
};

const pathCommand: Command = {
  name: 'hash path',
  operands: 'PATH...',
  operandCount: { min: 1, max: Number.POSITIVE_INFINITY },
  description: `Prints the SHA-256 of the archive (NAR) of each file or directory.

This is what a fixed-output derivation with \`outputHashMode = "recursive"\` declares. What it names may exist in the store only.`,
  flags: [...storeFlags, formFlag],
  async run(context) {
    const caseHack = commandSettings(context)['use-case-hack'];
    for (const operand of context.args.operands) {
      const hex = await context.engine.hashTree(await readablePath(context, operand, { followLast: false }), {
        caseHack,
      });
      await print(context, { algorithm: 'sha256', hex });
    }
    return 0;
  },
};

const convertCommand: Command = {
  name: 'hash convert',
  operands: 'HASH...',
  operandCount: { min: 1, max: Number.POSITIVE_INFINITY },
  description: `Prints hashes in another form.

A HASH is \`ALGORITHM:DIGEST\` or SRI (\`ALGORITHM-BASE64\`); a digest alone needs --type.`,
  flags: [{ ...algorithmFlag, summary: 'the algorithm of a digest without one' }, formFlag],
  async run(context) {
    const algorithm = context.args.value('type') as HashAlgorithm | undefined;
    for (const operand of context.args.operands) await print(context, parseHash(operand, algorithm));
    return 0;
  },
};

export const hashCommands: CommandGroup = {
  name: 'hash',
  commands: [fileCommand, pathCommand, convertCommand],
};

async function hashFile(file: string, algorithm: HashAlgorithm): Promise<Hash> {
  const hash = createHash(algorithm);
  for await (const chunk of streamInputFile(file)) hash.update(chunk);
  return { algorithm, hex: hash.digest('hex') };
}

function print({ args, stdout }: CommandContext, hash: Hash): Promise<void> {
  const form = (args.value('to') ?? 'sri') as (typeof forms)[number];
  return stdout.write(`${form === 'sri' ? formatHash(hash, 'sri') : formatDigest(hash, form)}\n`);
}
