import { AirplantError } from '../base/errors.js';
import { quote } from '../base/quote.js';
import { outputPathName } from '../formats/make-store-path.js';
import { nestedPlaceholder, upstreamPlaceholder } from '../formats/placeholder.js';
import { parseStorePath } from '../formats/store-path.js';
import type { Derivation, InputOutputs } from './derivation.js';
import { fillOutputPaths } from './output-paths.js';
import { sortedMap, sortedSet } from './sorted.js';

/** What to do with the outputs of inputs: tell where they are, once they are built. */
export interface ResolveContext {
  readonly storeDir: string;
  /** Store path of an output of an input derivation; undefined when it is not known. */
  readonly outputOf: (drvPath: string, outputName: string) => string | undefined;
}

/**
 * The derivation that is really built: without input derivations, their outputs among its sources instead and
 * written wherever a placeholder stood for them (builder, arguments, names and values of the environment, and so
 * structured attributes). Outputs that were deferred get their paths.
 *
 * An output of an output (dynamic derivations) is asked for by the path of the derivation its outer output is.
 * Throws ERR_INPUT_MISSING for an output `outputOf` does not know.
 */
export function resolveDerivation(derivation: Derivation, context: ResolveContext): Derivation {
  const found: Found = { sources: new Set(derivation.inputSrcs), rewrites: [] };
  for (const [drvPath, input] of derivation.inputDrvs) {
    const { hashPart, name } = parseStorePath(context.storeDir, drvPath);
    const drvName = name.replace(/\.drv$/, '');
    const placeholder = (outputName: string) =>
      upstreamPlaceholder(hashPart, outputPathName(drvName, outputName));
    collect(found, context, { drvPath, input, placeholder });
  }
  const rewrite = rewriter(found.rewrites);
  const resolved: Derivation = {
    ...derivation,
    inputDrvs: new Map(),
    inputSrcs: sortedSet([...found.sources]),
    builder: rewrite(derivation.builder),
    args: derivation.args.map(rewrite),
    env: sortedMap([...derivation.env].map(([name, value]) => [rewrite(name), rewrite(value)])),
  };
  return fillOutputPaths(resolved, { storeDir: context.storeDir, lookup: noInputs });
}

interface Found {
  readonly sources: Set<string>;
  readonly rewrites: (readonly [placeholder: string, path: string])[];
}

/** Nesting is bounded where derivations are read (`maxDynamicDepth`). */
function collect(
  found: Found,
  context: ResolveContext,
  node: { drvPath: string; input: InputOutputs; placeholder: (outputName: string) => string },
): void {
  const { drvPath, input, placeholder } = node;
  for (const outputName of input.outputs) {
    const path = requireOutput(context, drvPath, outputName);
    found.sources.add(path);
    found.rewrites.push([placeholder(outputName), path]);
  }
  for (const [outputName, inner] of input.dynamic) {
    collect(found, context, {
      drvPath: requireOutput(context, drvPath, outputName),
      input: inner,
      placeholder: (innerName) => nestedPlaceholder(placeholder(outputName), innerName),
    });
  }
}

function requireOutput(context: ResolveContext, drvPath: string, outputName: string): string {
  const path = context.outputOf(drvPath, outputName);
  if (path !== undefined) return path;
  throw new AirplantError(
    'ERR_INPUT_MISSING',
    `the output ${quote(outputName)} of ${drvPath} is not known yet`,
    {
      hint: 'Build the input first.',
      details: { drvPath, outputName },
    },
  );
}

/** Replaces all placeholders in one pass: none of the paths put in is searched again. */
function rewriter(rewrites: Found['rewrites']): (text: string) => string {
  if (rewrites.length === 0) return (text) => text;
  const paths = new Map(rewrites);
  // A placeholder is a slash and base-32 digits: nothing in it has a meaning in a pattern.
  const pattern = new RegExp([...paths.keys()].join('|'), 'g');
  return (text) => text.replace(pattern, (placeholder) => paths.get(placeholder)!);
}

function noInputs(drvPath: string): never {
  throw new AirplantError('ERR_INTERNAL', `a resolved derivation has the input ${drvPath}`);
}
