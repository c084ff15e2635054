import { dirname } from 'node:path';
import { AirplantError } from '../base/errors.js';
import { quote } from '../base/quote.js';
import type { Derivation } from '../derivation/derivation.js';
import type { OutputChecks } from '../derivation/options.js';
import { isStorePath } from '../formats/store-path.js';
import { knownOutputs } from './plan.js';

/** What the checks ask of a store path: of a new output, or of a valid path that one refers to. */
export interface CheckedPath {
  /** Bytes. */
  readonly narSize: number;
  readonly references: readonly string[];
}

/** A new output, not valid yet. */
export interface CheckedOutput extends CheckedPath {
  readonly name: string;
  readonly path: string;
}

/** One rule that an output breaks. */
export interface OutputViolation {
  readonly output: string;
  readonly rule: ReferenceRule | SizeRule;
  /** What the output must not refer to, sorted; empty if it is too large. */
  readonly paths: readonly string[];
  /** Nix's. */
  readonly message: string;
}

/** Checks whose references are store paths. */
export type ResolvedChecks = Omit<OutputChecks, ReferenceRule> & {
  readonly [rule in ReferenceRule]: ReadonlySet<string> | undefined;
};

type ReferenceRule =
  | 'allowedReferences'
  | 'allowedRequisites'
  | 'disallowedReferences'
  | 'disallowedRequisites';
type SizeRule = 'maxSize' | 'maxClosureSize';

/**
 * Makes store paths of the output names in the checks of a derivation, whose output paths are all known. Pure.
 *
 * Throws ERR_DERIVATION_INVALID for what is neither the name of an output nor a store path. Nix notices that after
 * the build.
 */
export function resolveOutputChecks(
  drvPath: string,
  derivation: Derivation,
  checks: ReadonlyMap<string, OutputChecks>,
): Map<string, ResolvedChecks> {
  const storeDir = dirname(drvPath);
  const outputs = knownOutputs(derivation);
  // As in Nix, rules for what is no output are not looked at (`idleRules` tells of them).
  const used = [...checks].filter(([outputName]) => outputs.has(outputName));
  return new Map(
    used.map(([outputName, own]) => {
      const resolve = (rule: ReferenceRule) => {
        const paths = own[rule]?.map((specifier) => {
          if (isStorePath(storeDir, specifier)) return specifier;
          const path = outputs.get(specifier);
          if (path !== undefined) return path;
          throw illegalSpecifier({ drvPath, outputName, rule, specifier }, [...outputs.keys()]);
        });
        return paths && new Set(paths);
      };
      const resolved = {
        ...own,
        allowedReferences: resolve('allowedReferences'),
        allowedRequisites: resolve('allowedRequisites'),
        disallowedReferences: resolve('disallowedReferences'),
        disallowedRequisites: resolve('disallowedRequisites'),
      };
      return [outputName, resolved];
    }),
  );
}

/**
 * Every rule that new outputs break, outputs in the order given, the rules of each in Nix's. `valid` tells of the valid
 * paths that they refer to. Pure.
 */
export function findViolations(
  outputs: readonly CheckedOutput[],
  checks: ReadonlyMap<string, ResolvedChecks>,
  valid: (path: string) => CheckedPath,
): OutputViolation[] {
  const known = new Map<string, CheckedPath>(outputs.map((output) => [output.path, output]));
  const look = (path: string): CheckedPath => {
    const found = known.get(path) ?? valid(path);
    known.set(path, found);
    return found;
  };
  return outputs.flatMap((output) => {
    const own = checks.get(output.name);
    return own ? violationsOf(output, own, look) : [];
  });
}

function violationsOf(
  output: CheckedOutput,
  checks: ResolvedChecks,
  look: (path: string) => CheckedPath,
): OutputViolation[] {
  const { name, path, narSize, references } = output;
  const violations: OutputViolation[] = [];
  const tooLarge = (rule: SizeRule, what: string, size: number) => {
    const limit = checks[rule];
    if (limit === undefined || size <= limit) return;
    const message = `${what} '${path}' is too large at ${size} bytes; limit is ${limit} bytes`;
    violations.push({ output: name, rule, paths: [], message });
  };
  const refuse = (rule: ReferenceRule, used: Iterable<string>) => {
    const listed = checks[rule];
    if (!listed) return;
    const allowed = rule.startsWith('allowed');
    const paths = [...used].filter((one) => listed.has(one) !== allowed).sort();
    if (paths.length === 0) return;
    const list = paths.map((one) => `\n  ${one}`).join('');
    const message = `output '${path}' is not allowed to refer to the following paths:${list}`;
    violations.push({ output: name, rule, paths, message });
  };

  tooLarge('maxSize', 'path', narSize);
  const closure = needsClosure(checks) ? closureOf(path, look) : new Map<string, CheckedPath>();
  const closureSize = [...closure.values()].reduce((sum, one) => sum + one.narSize, 0);
  tooLarge('maxClosureSize', 'closure of path', closureSize);
  // As in Nix, this concerns requisites only: of direct references, the output itself is one like any other.
  const requisites = [...closure.keys()].filter((one) => !(checks.ignoreSelfRefs && one === path));
  refuse('allowedReferences', references);
  refuse('allowedRequisites', requisites);
  refuse('disallowedReferences', references);
  refuse('disallowedRequisites', requisites);
  return violations;
}

function needsClosure({ allowedRequisites, disallowedRequisites, maxClosureSize }: ResolvedChecks): boolean {
  return (
    allowedRequisites !== undefined ||
    (disallowedRequisites !== undefined && disallowedRequisites.size > 0) ||
    maxClosureSize !== undefined
  );
}

/** The path itself and all it refers to over any distance. */
function closureOf(path: string, look: (path: string) => CheckedPath): Map<string, CheckedPath> {
  const closure = new Map<string, CheckedPath>();
  const open = [path];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (closure.has(next)) continue;
    const found = look(next);
    closure.set(next, found);
    open.push(...found.references);
  }
  return closure;
}

function illegalSpecifier(
  where: {
    readonly drvPath: string;
    readonly outputName: string;
    readonly rule: string;
    readonly specifier: string;
  },
  outputNames: readonly string[],
): AirplantError {
  const { drvPath, outputName, rule, specifier } = where;
  return new AirplantError(
    'ERR_DERIVATION_INVALID',
    `derivation '${drvPath}' contains an illegal reference specifier ${quote(specifier)} in '${rule}' of output ${quote(outputName)}`,
    {
      hint: `It must be a store path, or one of its outputs: ${outputNames.join(', ')}.`,
      details: { drvPath, output: outputName, attribute: rule },
    },
  );
}
