import { lstatSync, type Stats } from 'node:fs';
import { AirplantError } from '../base/errors.js';
import { quote } from '../base/quote.js';
import type { Derivation } from '../derivation/derivation.js';
import { parseStorePath } from '../formats/store-path.js';
import { native } from '../native.js';
import { storeError } from '../store/store-parts.js';
import { checkFixedOutput } from './fixed-output.js';
import type { Attempt, BuildRequest, Settled, SettledOutput } from './records.js';

export interface SettleJob {
  readonly drvPath: string;
  readonly derivation: Derivation;
  readonly request: BuildRequest;
  /** Names of the outputs to settle; the others are valid already. */
  readonly missing: readonly string[];
  /** Host directory no builder could ever write to, on the same file system as the outputs. */
  readonly privateDirectory: string;
  /** Stops the work at once, however large the file is that is being read. */
  readonly signal: AbortSignal;
  /** See `LocalStore.caseHack`. */
  readonly caseHack: boolean;
}

/**
 * Looks at what the builder left, after the sandbox is dead: each output is made canonical, read once for its
 * hash and references, checked against a fixed hash, and put in an order in which every output comes after those
 * it refers to.
 *
 * Throws ERR_OUTPUT_MISSING, ERR_OUTPUT_REJECTED, ERR_UNSUPPORTED_FILE or ERR_HASH_MISMATCH with Nix's messages,
 * ERR_DISK_FULL or ERR_SYSTEM, and the signal's reason. Names that the builder chose are escaped in all of them.
 */
export async function settleOutputs(job: SettleJob, attempt: Attempt, storeDir: string): Promise<Settled> {
  try {
    return await settle(job, attempt, storeDir);
  } catch (error) {
    throw outputError(error, job.drvPath);
  }
}

async function settle(job: SettleJob, attempt: Attempt, storeDir: string): Promise<Settled> {
  const { drvPath, derivation, request, signal, caseHack } = job;
  const candidates = new Map<string, string>();
  for (const path of [...request.inputs, ...request.outputs.map(({ scratchPath }) => scratchPath)]) {
    candidates.set(parseStorePath(storeDir, path).hashPart, path);
  }
  const sources = job.missing.map((name) => [name, existingOutput(drvPath, name, attempt)] as const);
  const outputs: SettledOutput[] = [];
  for (const [name, source] of sources) {
    await native.canonicaliseTree(source, { signal });
    const output = derivation.outputs.get(name)!;
    if (output.kind === 'fixed') {
      const { privateDirectory } = job;
      const fixed = { drvPath, name, source, privateDirectory, output, candidates, signal, caseHack };
      outputs.push(await checkFixedOutput(fixed));
      continue;
    }
    const { hash, narSize, references } = await native.hashTree(source, [...candidates.keys()], {
      signal,
      caseHack,
    });
    outputs.push({
      name,
      path: request.outputs.find((one) => one.name === name)!.scratchPath,
      source,
      narHash: { algorithm: 'sha256', hex: hash },
      narSize,
      references: references.map((hashPart) => candidates.get(hashPart)!).sort(),
    });
  }
  return { drvPath, outputs: referencedFirst(drvPath, outputs) };
}

function existingOutput(drvPath: string, name: string, attempt: Attempt): string {
  const source = attempt.outputs.get(name);
  const stats: Stats | undefined =
    source === undefined ? undefined : lstatSync(source, { throwIfNoEntry: false });
  if (source === undefined || !stats) {
    throw new AirplantError(
      'ERR_OUTPUT_MISSING',
      `builder for '${drvPath}' failed to produce output path for output '${name}'`,
      {
        details: { drvPath, output: name },
      },
    );
  }
  // A group- or world-writable top level could have been tampered with by others while it lay there.
  if (!stats.isSymbolicLink() && (stats.mode & 0o022) !== 0) {
    throw new AirplantError(
      'ERR_OUTPUT_REJECTED',
      `suspicious ownership or permission on ${quote(source, longestPath)} for output '${name}'; rejecting this build output`,
      {
        hint: 'The builder must not leave its output writable by group or others.',
        details: { drvPath, output: name },
      },
    );
  }
  return source;
}

/** PATH_MAX: Nix's messages give paths in full. */
const longestPath = 4096;

/** What the operating system said of a file the builder made. */
function outputError(error: unknown, drvPath: string): unknown {
  const { code, path } = error as NodeJS.ErrnoException;
  if (code !== 'EFTYPE' && code !== 'ENAMETOOLONG')
    return storeError(error, `settling the outputs of '${drvPath}'`);
  const [ours, why] =
    code === 'EFTYPE'
      ? (['ERR_UNSUPPORTED_FILE', 'has an unsupported type'] as const)
      : ([
          'ERR_OUTPUT_REJECTED',
          'lies too deep, or has too long a name, for an archive to hold it',
        ] as const);
  return new AirplantError(ours, `file ${quote(String(path), longestPath)} ${why}`, { cause: error });
}

/** Outputs that others refer to come first, so that they are registered first. Two that refer to each other: refused. */
function referencedFirst(drvPath: string, outputs: readonly SettledOutput[]): SettledOutput[] {
  const byPath = new Map(outputs.map((output) => [output.path, output]));
  const sorted: SettledOutput[] = [];
  const trail: SettledOutput[] = [];
  const visit = (output: SettledOutput) => {
    if (sorted.includes(output)) return;
    const previous = trail.at(-1);
    if (trail.includes(output)) {
      throw new AirplantError(
        'ERR_OUTPUT_REJECTED',
        `cycle detected in build of '${drvPath}' in the references of output '${output.name}' from output '${previous!.name}'`,
        { hint: 'Outputs of one derivation must not refer to each other in a circle.', details: { drvPath } },
      );
    }
    trail.push(output);
    for (const reference of output.references) {
      const other = byPath.get(reference);
      if (other && other !== output) visit(other);
    }
    trail.pop();
    sorted.push(output);
  };
  for (const output of outputs) visit(output);
  return sorted;
}
