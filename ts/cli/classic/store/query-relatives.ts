import {
  directReferences,
  directReferrers,
  referrersClosure,
  requisites,
} from '../../../store/query/closures.js';
import { rootLine } from '../../root-line.js';
import { allAsked, type QueryCall } from './query-call.js';

/** `--references`: what the paths refer to. */
export async function printReferences(call: QueryCall): Promise<void> {
  await print(call, directReferences(call.store.local, await allAsked(call)));
}

/** `--referrers`: what refers to the paths. */
export async function printReferrers(call: QueryCall): Promise<void> {
  await print(call, directReferrers(call.store.local, await allAsked(call)));
}

/** `--requisites`: the paths and what they refer to over any distance. */
export async function printRequisites(call: QueryCall): Promise<void> {
  const { includeOutputs } = call;
  await print(call, requisites(call.store.local, await allAsked(call), { includeOutputs }));
}

/** `--referrers-closure`: the paths and what refers to them over any distance. */
export async function printReferrersClosure(call: QueryCall): Promise<void> {
  await print(call, referrersClosure(call.store.local, await allAsked(call)));
}

/** `--roots`: the roots that keep any of the paths, also by the settings `keep-outputs` and `keep-derivations`. */
export async function printRoots(call: QueryCall): Promise<void> {
  const { context, store } = call;
  const { settings, local } = store;
  const keep = { keepOutputs: settings['keep-outputs'], keepDerivations: settings['keep-derivations'] };
  const kept = new Set(referrersClosure(local, await allAsked(call), keep));
  const { signal } = context.interrupts;
  const roots = (await local.findRoots({ signal })).filter(({ path }) => kept.has(path));
  await context.stdout.write(roots.map(rootLine).join(''));
}

async function print({ context }: QueryCall, lines: readonly string[]): Promise<void> {
  await context.stdout.write(lines.map((line) => `${line}\n`).join(''));
}
