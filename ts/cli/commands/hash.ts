import { createHash } from 'node:crypto';
import { formatDigest, formatHash, type Hash, type HashAlgorithm, parseHash } from '../../formats/hash.js';
import type { Command, CommandContext, CommandGroup, FlagDefinition } from '../command.js';
import { jsonFlag } from '../common-flags.js';
import { streamInputFile } from '../input-file.js';
import { writeJson } from '../output.js';
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
  flags: [...storeFlags, algorithmFlag, formFlag, jsonFlag],
  async run(context) {
    const algorithm = (context.args.value('type') ?? 'sha256') as HashAlgorithm;
    return await printHashes(context, 'path', async (operand) =>
      hashFile(await readablePath(context, operand, { followLast: true }), algorithm),
    );
  },
};

const pathCommand: Command = {
  name: 'hash path',
  operands: 'PATH...',
  operandCount: { min: 1, max: Number.POSITIVE_INFINITY },
  description: `Prints the SHA-256 of the archive (NAR) of each file or directory.

This is what a fixed-output derivation with \`outputHashMode = "recursive"\` declares. What it names may exist in the store only.`,
  flags: [...storeFlags, formFlag, jsonFlag],
  async run(context) {
    const caseHack = commandSettings(context)['use-case-hack'];
    return await printHashes(context, 'path', async (operand) => {
      const path = await readablePath(context, operand, { followLast: false });
      return { algorithm: 'sha256', hex: await context.engine.hashTree(path, { caseHack }) };
    });
  },
};

const convertCommand: Command = {
  name: 'hash convert',
  operands: 'HASH...',
  operandCount: { min: 1, max: Number.POSITIVE_INFINITY },
  description: `Prints hashes in another form.

A HASH is \`ALGORITHM:DIGEST\` or SRI (\`ALGORITHM-BASE64\`); a digest alone needs --type.`,
  flags: [{ ...algorithmFlag, summary: 'the algorithm of a digest without one' }, formFlag, jsonFlag],
  async run(context) {
    const algorithm = context.args.value('type') as HashAlgorithm | undefined;
    return await printHashes(context, 'from', async (operand) => parseHash(operand, algorithm));
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

/** Prints the hash of each operand as soon as there is one, or all of them as JSON, each beside its operand. */
async function printHashes(
  { args, stdout }: CommandContext,
  operandKey: 'path' | 'from',
  hashOf: (operand: string) => Promise<Hash>,
): Promise<number> {
  const form = (args.value('to') ?? 'sri') as (typeof forms)[number];
  const rows: Record<string, string>[] = [];
  for (const operand of args.operands) {
    const hash = await hashOf(operand);
    const text = form === 'sri' ? formatHash(hash, 'sri') : formatDigest(hash, form);
    if (args.has('json')) rows.push({ [operandKey]: operand, algorithm: hash.algorithm, hash: text });
    else await stdout.write(`${text}\n`);
  }
  if (args.has('json')) await writeJson(stdout, rows);
  return 0;
}
