import { AirplantError } from '../base/errors.js';
import type { OutputChecks } from '../derivation/options.js';
import { narSizeOf } from './nar-size.js';

/** The most bytes that the NAR of an output may have to be worth reading, by its own rules; undefined for any number. */
export function sizeLimit({ maxSize, maxClosureSize }: Partial<OutputChecks> = {}): number | undefined {
  if (maxClosureSize === undefined) return maxSize;
  return Math.min(maxSize ?? Infinity, Math.max(maxClosureSize, readForClosure));
}

/** Only who reads an output knows what it refers to, and so how large its closure is: up to here that is told exactly. */
const readForClosure = 2 ** 30;

/** An output that is being settled. */
export interface LimitedOutput {
  readonly drvPath: string;
  readonly name: string;
  /** Logical store path. */
  readonly path: string;
  /** Where it lies. */
  readonly source: string;
  readonly checks: OutputChecks;
  readonly signal: AbortSignal;
  readonly caseHack: boolean;
}

/**
 * What to throw instead of an error of hashing an output whose `sizeLimit` was passed on: ERR_OUTPUT_REJECTED, in Nix's words, if
 * it was that limit. Nix hashes the whole output before it looks; here a file of terabytes without content is refused at once.
 * Rejects as `narSizeOf` does.
 */
export async function sizeError(error: unknown, output: LimitedOutput): Promise<unknown> {
  if ((error as NodeJS.ErrnoException).code !== 'EFBIG') return error;
  const { drvPath, name, path, source, checks } = output;
  const size = await narSizeOf(source, output);
  const { maxSize, maxClosureSize } = checks;
  if (size <= (sizeLimit(checks) ?? Infinity)) return error;
  const [rule, what, limit] =
    maxSize !== undefined && size > maxSize
      ? (['maxSize', 'path', maxSize] as const)
      : (['maxClosureSize', 'closure of path', maxClosureSize] as const);
  return new AirplantError(
    'ERR_OUTPUT_REJECTED',
    `${what} '${path}' is too large at ${size} bytes; limit is ${limit} bytes`,
    {
      hint: `The derivation sets '${rule}' of output '${name}'. It was not read to its end: what else it may break is not known.`,
      details: { drvPath, rules: [`${name}.${rule}`] },
    },
  );
}
