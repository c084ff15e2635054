import { AirplantError } from '../base/errors.js';
import { parseStorePath } from '../formats/store-path.js';
import type { SettledOutput } from './records.js';
import { whereReferred } from './referring-files.js';

/**
 * The outputs in an order in which every output comes after those it refers to, so that those are registered first.
 *
 * Throws ERR_OUTPUT_REJECTED with Nix's message where outputs refer to each other in a circle; the hint names files
 * that hold the references.
 */
export async function referencedFirst(
  drvPath: string,
  outputs: readonly SettledOutput[],
  { storeDir, signal }: { readonly storeDir: string; readonly signal: AbortSignal },
): Promise<SettledOutput[]> {
  const { sorted, cycle } = sortOutputs(outputs);
  if (cycle.length === 0) return sorted;
  const steps = cycle.map((from, index) => ({ from, to: cycle[(index + 1) % cycle.length]! }));
  const last = steps.at(-1)!;
  const where: string[] = [];
  for (const { from, to } of steps) {
    const files = await whereReferred(from.source, parseStorePath(storeDir, to.path).hashPart, signal);
    where.push(`'${from.name}' refers to '${to.name}' in ${files}`);
  }
  throw new AirplantError(
    'ERR_OUTPUT_REJECTED',
    `cycle detected in build of '${drvPath}' in the references of output '${last.to.name}' from output '${last.from.name}'`,
    {
      hint: `Outputs of one derivation must not refer to each other in a circle: ${where.join('; ')}.`,
      details: { drvPath, cycle: cycle.map(({ name }) => name) },
    },
  );
}

/**
 * Depth first, by name, as Nix does it, whose message depends on that. `cycle` holds the outputs of the first circle
 * found, each referring to the next and the last to the first; empty if there is none.
 */
function sortOutputs(outputs: readonly SettledOutput[]): {
  sorted: SettledOutput[];
  cycle: SettledOutput[];
} {
  const byName = [...outputs].sort((a, b) => (a.name < b.name ? -1 : 1));
  const sorted: SettledOutput[] = [];
  const trail: SettledOutput[] = [];
  let cycle: SettledOutput[] = [];
  const visit = (output: SettledOutput) => {
    if (cycle.length > 0 || sorted.includes(output)) return;
    const met = trail.indexOf(output);
    if (met >= 0) {
      cycle = trail.slice(met);
      return;
    }
    trail.push(output);
    for (const other of byName) if (other !== output && output.references.includes(other.path)) visit(other);
    trail.pop();
    sorted.push(output);
  };
  for (const output of byName) visit(output);
  return { sorted, cycle };
}
