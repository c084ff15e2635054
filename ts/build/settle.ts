import { lstatSync, type Stats } from 'node:fs';
import { AirplantError, type ErrorCode } from '../base/errors.js';
import { quote } from '../base/quote.js';
import type { Derivation } from '../derivation/derivation.js';
import { parseStorePath } from '../formats/store-path.js';
import { type HashRewrite, native, type TreeHash } from '../native.js';
import { storeError } from '../store/store-parts.js';
import { checkFixedOutput } from './fixed-output.js';
import { copyOutOfReach, isWithinReach } from './out-of-reach.js';
import { referencedFirst } from './output-order.js';
import { outputPaths } from './output-paths.js';
import type { Attempt, BuildRequest, Settled, SettledOutput } from './records.js';
import { outputRewrites } from './redirect.js';

export interface SettleJob {
  readonly drvPath: string;
  readonly derivation: Derivation;
  /** What was run in the end. */
  readonly request: BuildRequest;
  /** Names of the outputs to settle; the others are valid already. */
  readonly missing: readonly string[];
  /** Names of outputs whose references are not looked for: they have none (`unsafeDiscardReferences`). */
  readonly discardReferences: ReadonlySet<string>;
  /** Host directory no builder could ever write to, on the same file system as the outputs; made here where it is needed. */
  readonly privateDirectory: string;
  /** Stops the work at once, however large the file is that is being read. */
  readonly signal: AbortSignal;
  /** See `LocalStore.caseHack`. */
  readonly caseHack: boolean;
  /** See `MakeContext.keepMismatch`. */
  readonly keepMismatch?: boolean;
}

/**
 * Looks at what the builder left, after the sandbox is dead: each output is made canonical, read once for its
 * hash and references, checked against a fixed hash, and put in an order in which every output comes after those
 * it refers to. Paths that the builder was told in place of those of outputs are replaced by these.
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
  const { drvPath, derivation, request, signal, caseHack, keepMismatch = false } = job;
  const paths = outputPaths(drvPath, derivation);
  const allCandidates = new Map<string, string>();
  const scratchPaths = request.outputs.map(({ scratchPath }) => scratchPath);
  for (const path of [...request.inputs, ...scratchPaths, ...Object.values(paths)]) {
    allCandidates.set(parseStorePath(storeDir, path).hashPart, path);
  }
  const rewrites = outputRewrites(derivation, request, storeDir);
  const sources = job.missing.map((name) => [name, existingOutput(job, name, attempt)] as const);
  const outputs: SettledOutput[] = [];
  for (const [name, made] of sources) {
    const candidates = job.discardReferences.has(name) ? none : allCandidates;
    await native.canonicaliseTree(made, { signal });
    const source = isWithinReach(request) ? await copyOutOfReach(made, name, job) : made;
    const output = derivation.outputs.get(name)!;
    if (output.kind === 'fixed') {
      const fixed = { drvPath, name, source, output, candidates, signal, caseHack };
      outputs.push(await checkFixedOutput({ ...fixed, keepMismatch }));
      continue;
    }
    const { hash, narSize, references } = await rewriteAndHash(source, { job, name, rewrites, candidates });
    outputs.push({
      name,
      path: paths[name]!,
      source,
      narHash: { algorithm: 'sha256', hex: hash },
      narSize,
      references: references.map((hashPart) => candidates.get(hashPart)!).sort(),
    });
  }
  return { drvPath, outputs: await referencedFirst(drvPath, outputs, { storeDir, signal }) };
}

const none: ReadonlyMap<string, string> = new Map();

interface Rewriting {
  readonly job: SettleJob;
  readonly name: string;
  readonly rewrites: readonly HashRewrite[];
  readonly candidates: ReadonlyMap<string, string>;
}

/** One pass over an output; `references` are among the candidates. */
async function rewriteAndHash(
  source: string,
  { job, name, rewrites, candidates }: Rewriting,
): Promise<TreeHash> {
  const { drvPath, request, signal, caseHack } = job;
  if (rewrites.length === 0)
    return await native.hashTree(source, [...candidates.keys()], { signal, caseHack });
  const replaced = rewrites.map(([from]) => from);
  const found = await native.rewriteTree(source, rewrites, [...candidates.keys(), ...replaced], {
    signal,
    caseHack,
  });
  const left = replaced.find((hashPart) => found.references.includes(hashPart));
  if (left === undefined) return found;
  const { scratchPath } = request.outputs.find(({ scratchPath }) => scratchPath.includes(left))!;
  throw new AirplantError(
    'ERR_OUTPUT_REJECTED',
    `output '${name}' of '${drvPath}' still names '${scratchPath}', where nothing will be, after that was replaced`,
    {
      // What was put in makes, with what stands beside it, what was replaced.
      hint: 'That is no accident. Build it with `sandbox = true`, where nothing has to be replaced.',
      details: { drvPath, output: name },
    },
  );
}

function existingOutput({ drvPath, request }: SettleJob, name: string, attempt: Attempt): string {
  const source = attempt.outputs.get(name);
  const stats: Stats | undefined =
    source === undefined ? undefined : lstatSync(source, { throwIfNoEntry: false });
  const details = { drvPath, output: name };
  if (source === undefined || !stats) {
    const path = request.outputs.find((one) => one.name === name)!.scratchPath;
    throw new AirplantError(
      'ERR_OUTPUT_MISSING',
      `builder for '${drvPath}' failed to produce output path for output '${name}' at '${path}'`,
      { details },
    );
  }
  // A top level that others own or may write to could have been tampered with while it lay there.
  const isWritable = !stats.isSymbolicLink() && (stats.mode & 0o022) !== 0;
  if (isWritable || stats.uid !== process.geteuid!()) {
    throw new AirplantError(
      'ERR_OUTPUT_REJECTED',
      `suspicious ownership or permission on ${quote(source, longestPath)} for output '${name}'; rejecting this build output`,
      {
        hint: 'The builder must own its output, and not leave it writable by group or others.',
        details,
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
  const refusal = refusals[String(code)];
  if (!refusal) return storeError(error, `settling the outputs of '${drvPath}'`);
  return new AirplantError(refusal.code, `file ${quote(String(path), longestPath)} ${refusal.why}`, {
    cause: error,
  });
}

const refusals: Readonly<Record<string, { readonly code: ErrorCode; readonly why: string }>> = {
  EFTYPE: { code: 'ERR_UNSUPPORTED_FILE', why: 'has an unsupported type' },
  ENAMETOOLONG: {
    code: 'ERR_OUTPUT_REJECTED',
    why: 'lies too deep, or has too long a name, for an archive to hold it',
  },
  EEXIST: { code: 'ERR_OUTPUT_REJECTED', why: 'holds two names that stand for the same one in an archive' },
};
