import { AirplantError } from '../base/errors.js';
import type { Derivation } from '../derivation/derivation.js';
import { derivationOptions } from '../derivation/options.js';
import { parseStorePath } from '../formats/store-path.js';
import type { LocalStore } from '../store/local-store.js';
import { findViolations, type OutputViolation, resolveOutputChecks } from './output-checks.js';
import type { Settled, SettledOutput } from './records.js';
import { whereReferred } from './referring-files.js';

/**
 * Throws ERR_OUTPUT_REJECTED if settled outputs break rules of their derivation: the messages are Nix's, one below the
 * other where it stops at the first, and the hint names the rules and files that hold what is refused.
 */
export async function enforceOutputChecks(
  derivation: Derivation,
  { drvPath, outputs }: Settled,
  { store, signal }: { readonly store: LocalStore; readonly signal: AbortSignal },
): Promise<void> {
  const { outputChecks } = derivationOptions(derivation);
  if (outputChecks.size === 0) return;
  const checks = resolveOutputChecks(drvPath, derivation, outputChecks);
  const violations = findViolations(outputs, checks, (path) => store.pathInfo(path));
  if (violations.length === 0) return;
  // Two rules may refuse the same in the same words.
  const messages = [...new Set(violations.map(({ message }) => message))];
  const rules = violations.map(({ output, rule }) => `'${rule}' of output '${output}'`);
  const { storeDir } = store.directories;
  const where = await whereFound(violations, outputs, { storeDir, signal });
  throw new AirplantError('ERR_OUTPUT_REJECTED', messages.join('\n'), {
    hint: [`The derivation sets ${rules.join(', ')}.`, ...where].join(' '),
    details: { drvPath, rules: violations.map(({ output, rule }) => `${output}.${rule}`) },
  });
}

/** A sentence for each output and path that it refers to itself. */
async function whereFound(
  violations: readonly OutputViolation[],
  outputs: readonly SettledOutput[],
  { storeDir, signal }: { readonly storeDir: string; readonly signal: AbortSignal },
): Promise<string[]> {
  const sentences: string[] = [];
  for (const output of outputs) {
    const refused = new Set(
      violations.filter((one) => one.output === output.name).flatMap(({ paths }) => paths),
    );
    const direct = output.references.filter((path) => refused.has(path));
    for (const path of direct.slice(0, explained)) {
      const { hashPart, name } = parseStorePath(storeDir, path);
      const files = await whereReferred(output.source, hashPart, signal);
      sentences.push(`Output '${output.name}' refers to '${name}' in ${files}.`);
    }
  }
  return sentences;
}

/** Each takes reading the output once more. */
const explained = 3;
