import { createHash } from 'node:crypto';
import { createReadStream, lstatSync } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { AirplantError } from '../base/errors.js';
import type { DerivationOutput } from '../derivation/derivation.js';
import { formatContentAddress } from '../formats/content-address.js';
import { formatHash, type Hash, sameHash } from '../formats/hash.js';
import { native } from '../native.js';
import type { SettledOutput } from './records.js';

interface FixedOutputJob {
  readonly drvPath: string;
  readonly name: string;
  /** Where the output lies, already canonical, and out of everybody's reach. */
  readonly source: string;
  readonly output: Extract<DerivationOutput, { kind: 'fixed' }>;
  /** Store path by hash part: what the output must not refer to. */
  readonly candidates: ReadonlyMap<string, string>;
  readonly signal: AbortSignal;
  readonly caseHack: boolean;
  /** Settle what has another hash, too, with the error as its `mismatch`. */
  readonly keepMismatch: boolean;
}

/**
 * Settles an output whose content was promised.
 *
 * Throws ERR_HASH_MISMATCH (exit status 102) with both hashes in SRI form (unless that is kept), ERR_OUTPUT_REJECTED for references or
 * for the wrong type of file.
 */
export async function checkFixedOutput(job: FixedOutputJob): Promise<SettledOutput> {
  const { drvPath, name, source, output, candidates, signal, caseHack } = job;
  const { hash, narSize, references } = await native.hashTree(source, [...candidates.keys()], {
    signal,
    caseHack,
  });
  const narHash: Hash = { algorithm: 'sha256', hex: hash };
  const got = await contentHash(job, source, narHash);
  if (!sameHash(got, output.hash)) {
    const [specified, actual] = [formatHash(output.hash, 'sri'), formatHash(got, 'sri')];
    const mismatch = new AirplantError(
      'ERR_HASH_MISMATCH',
      `hash mismatch in fixed-output derivation '${drvPath}':\n  specified: ${specified}\n     got:    ${actual}`,
      { details: { drvPath, specified, got: actual } },
    );
    if (!job.keepMismatch) throw mismatch;
    return { name, path: output.path, source, narHash, narSize, references: [], mismatch };
  }
  if (references.length > 0) {
    const paths = references.map((hashPart) => candidates.get(hashPart)!);
    throw new AirplantError(
      'ERR_OUTPUT_REJECTED',
      `illegal path references in fixed-output derivation '${drvPath}': ${paths.join(' ')}`,
      { hint: 'A fixed output must not refer to store paths.', details: { drvPath, references: paths } },
    );
  }
  return {
    name,
    path: output.path,
    source,
    narHash,
    narSize,
    references: [],
    contentAddress: formatContentAddress({ method: output.method, hash: output.hash }),
  };
}

async function contentHash(job: FixedOutputJob, file: string, narHash: Hash): Promise<Hash> {
  const { name, output, signal, caseHack } = job;
  const { algorithm } = output.hash;
  if (output.method === 'nar') {
    return algorithm === 'sha256'
      ? narHash
      : { algorithm, hex: (await native.hashTree(file, [], { algorithm, signal, caseHack })).hash };
  }
  if (output.method === 'git') {
    throw new AirplantError('ERR_UNSUPPORTED', `output '${name}' is to be hashed as a git tree`);
  }
  const stats = lstatSync(file);
  if (!stats.isFile() || (stats.mode & 0o100) !== 0) {
    throw new AirplantError(
      'ERR_OUTPUT_REJECTED',
      `output path '${output.path}' should be a non-executable regular file since recursive hashing is not enabled (one of outputHashMode={flat,text} is true)`,
      { hint: 'Set outputHashMode to "recursive" for a directory, a symlink or an executable.' },
    );
  }
  const digest = createHash(algorithm);
  await pipeline(createReadStream(file), digest, { signal });
  return { algorithm, hex: digest.digest('hex') };
}
