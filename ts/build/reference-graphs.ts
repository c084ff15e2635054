import { AirplantError } from '../base/errors.js';
import { quote } from '../base/quote.js';
import { compareText } from '../base/text.js';
import type { Derivation } from '../derivation/derivation.js';
import { derivationOptions } from '../derivation/options.js';
import type { ReferenceGraph } from '../derivation/reference-graph.js';
import { storePathOf } from '../formats/store-path.js';
import type { LocalStore } from '../store/local-store.js';
import { knownOutputs } from './plan.js';

/**
 * The closures that a derivation wants its builder to be told of (`exportReferencesGraph`), by name: everything the
 * named paths refer to, and of every `.drv` file in there the closures of its outputs too, as in Nix.
 *
 * Throws ERR_DERIVATION_INVALID for what is no path in the store or not in the closure of the inputs, ERR_INPUT_MISSING for a derivation whose outputs are not valid.
 */
export function readReferenceGraphs(
  { drvPath, derivation, inputs }: { drvPath: string; derivation: Derivation; inputs: readonly string[] },
  store: LocalStore,
): ReadonlyMap<string, ReferenceGraph> {
  const { exportReferencesGraph, structuredAttrs } = derivationOptions(derivation);
  const about = { drvPath, structured: structuredAttrs !== undefined };
  const known = new Set(inputs);
  const graphs = new Map<string, ReferenceGraph>();
  for (const [name, paths] of exportReferencesGraph) {
    const roots = paths.map((path) => inStore(path, store.directories.storeDir, about));
    const unknown = roots.find((root) => !known.has(root));
    if (unknown !== undefined) throw notAnInput(drvPath, unknown);
    graphs.set(name, readGraph(roots, store));
  }
  return graphs;
}

/** The messages are Nix's, which has one for each way of writing attributes; the hints tell which derivation it is. */
function inStore(
  path: string,
  storeDir: string,
  { drvPath, structured }: { readonly drvPath: string; readonly structured: boolean },
): string {
  try {
    return storePathOf(storeDir, path);
  } catch (cause) {
    throw new AirplantError(
      'ERR_DERIVATION_INVALID',
      structured
        ? `path ${quote(path)} is not in the Nix store`
        : `'exportReferencesGraph' contains a non-store path ${quote(path)}`,
      {
        cause,
        hint: `exportReferencesGraph of '${drvPath}' can describe the closures of its inputs only.`,
        details: { drvPath, path },
      },
    );
  }
}

function readGraph(roots: readonly string[], store: LocalStore): ReferenceGraph {
  const closure = store.closure(roots);
  const outputs = closure
    .filter((path) => path.endsWith('.drv'))
    .flatMap((path) => validOutputs(path, store));
  const all = new Set([...closure, ...store.closure(outputs)]);
  return [...all].sort(compareText).map((path) => store.pathInfo(path));
}

function validOutputs(drvPath: string, store: LocalStore): string[] {
  return [...knownOutputs(store.readDerivation(drvPath))].map(([name, path]) => {
    if (path !== undefined && store.isValid(path)) return path;
    throw new AirplantError(
      'ERR_INPUT_MISSING',
      `the closure of '${drvPath}' cannot be described: its output '${name}' does not exist`,
      { details: { drvPath, output: name } },
    );
  });
}

function notAnInput(drvPath: string, path: string): AirplantError {
  return new AirplantError(
    'ERR_DERIVATION_INVALID',
    `cannot export references of path '${path}' because it is not in the input closure of the derivation`,
    {
      hint: `A path in exportReferencesGraph of '${drvPath}' has to be an input as well; in Nix, do not discard its string context.`,
      details: { drvPath, path },
    },
  );
}
