import { AirplantError } from '../../base/errors.js';
import type { EventSink } from '../../base/events.js';
import { formatHash, sameHash } from '../../formats/hash.js';
import type { LocalStore } from '../../store/local-store.js';
import type { KeptContents } from '../../store/replace-paths.js';
import type { Approach } from '../approach.js';
import type { Wanted } from '../records.js';
import { outputsToRegister } from '../register.js';
import { Examination } from './examination.js';
import { irreparable, planRepair, wantedOutputs } from './plan-repair.js';

/** Makes what is missing or damaged, and leaves alone what is good. For one run. */
export function repairDamaged(store: LocalStore, emit: EventSink): Approach {
  const examination = new Examination(store, emit);
  const remade = new Set<string>();
  const warn = (message: string) => void emit({ type: 'warning', message });
  return {
    repairs: true,
    remade,
    plan: (wanted, context) => planRepair(wanted, examination, context),
    isDone: (path, { signal }) => examination.isGood(path, signal),
    async fetch(path, options) {
      if (store.isValid(path.info.path)) warnOfKept(await store.refetchPath(path, options), warn);
      else await store.fetchPath(path, options);
      examination.markGood(path.info.path);
    },
    async register(settled) {
      const outputs = outputsToRegister(settled).map((output) => {
        const registered = store.isValid(output.path) ? store.pathInfo(output.path) : undefined;
        if (!registered) return output;
        if (sameHash(registered.narHash, output.narHash)) return { ...output, ...registered, ultimate: true };
        const [before, now] = [registered.narHash, output.narHash].map((hash) => formatHash(hash, 'base32'));
        warn(
          `derivation '${settled.drvPath}' may not be deterministic: output '${output.path}' had the hash '${before}' before it was damaged, and now has '${now}'`,
        );
        return output;
      });
      warnOfKept(await store.replaceOutputs(outputs), warn);
      for (const { path } of outputs) {
        remade.add(path);
        examination.markGood(path);
      }
    },
    failureOf: (wanted) => stillDamaged(wanted, examination, store),
  };
}

function warnOfKept(kept: readonly KeptContents[], warn: (message: string) => void): void {
  for (const { path, place, cure } of kept) {
    warn(
      `the damaged contents of '${path}' have been replaced, but could not be deleted and lie in '${place}'. ${cure}`,
    );
  }
}

/** Why what is wanted is not as it should be, if it is not; the messages are Nix's. */
function stillDamaged(
  wanted: Wanted,
  { damaged, stuck }: Examination,
  store: LocalStore,
): AirplantError | undefined {
  if (wanted.kind === 'path') {
    return damaged.has(wanted.path) ? (stuck.get(wanted.path) ?? irreparable(wanted.path)) : undefined;
  }
  const { drvPath } = wanted;
  if (!store.isValid(drvPath)) return undefined;
  const outputs = wantedOutputs(wanted, store).filter((path) => store.isValid(path));
  const paths = store.closure(outputs).filter((path) => damaged.has(path));
  if (paths.length === 0) return undefined;
  const [cause] = paths.flatMap((path) => stuck.get(path) ?? []);
  return new AirplantError(
    'ERR_REPAIR',
    `some paths in the output closure of derivation '${drvPath}' could not be repaired: ${paths.join(', ')}`,
    { ...(cause ? { cause, hint: cause.hint } : {}), details: { drvPath, paths } },
  );
}
