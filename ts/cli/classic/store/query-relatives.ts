import type { LocalStore } from '../../../store/local-store.js';
import { askedPaths, type QueryCall } from './query-call.js';

/** `--references`: what the paths refer to. */
export async function printReferences(call: QueryCall): Promise<void> {
  await printAll(call, (local, path) => local.references(path));
}

/** `--referrers`: what refers to the paths. */
export async function printReferrers(call: QueryCall): Promise<void> {
  await printAll(call, (local, path) => local.referrers(path));
}

/** `--requisites`: the paths and what they refer to over any distance. */
export async function printRequisites(call: QueryCall): Promise<void> {
  await printAll(call, (local, path) =>
    call.includeOutputs ? closureWithOutputs(local, path) : local.closure([path]),
  );
}

/** `--referrers-closure`: the paths and what refers to them over any distance. */
export async function printReferrersClosure(call: QueryCall): Promise<void> {
  await printAll(call, (local, path) => reachable(path, (at) => local.referrers(at)));
}

/** Each path once, references first. */
async function printAll(
  call: QueryCall,
  relatives: (local: LocalStore, path: string) => Iterable<string>,
): Promise<void> {
  const { context, store } = call;
  const found = new Set<string>();
  for await (const path of askedPaths(call)) {
    for (const relative of relatives(store.local, path)) found.add(relative);
  }
  const valid = [...found].filter((path) => store.local.isValid(path));
  const invalid = [...found].filter((path) => !store.local.isValid(path));
  const sorted = [...invalid, ...store.local.topologicalSort(valid)];
  await context.stdout.write(sorted.map((path) => `${path}\n`).join(''));
}

/** Outputs of derivations count as if the derivations referred to them, if they are valid. */
function closureWithOutputs(local: LocalStore, path: string): Set<string> {
  return reachable(path, (at) => {
    const outputs = at.endsWith('.drv') ? [...local.derivationOutputs(at).values()] : [];
    return [...local.references(at), ...outputs.filter((output) => local.isValid(output))];
  });
}

function reachable(start: string, next: (path: string) => Iterable<string>): Set<string> {
  const found = new Set([start]);
  for (const path of found) for (const one of next(path)) found.add(one);
  return found;
}
