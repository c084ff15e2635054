import { AirplantError } from '../base/errors.js';
import { quote } from '../base/quote.js';
import type {
  EvaluatedDerivation,
  EvaluatedObject,
  EvaluatedSource,
  EvaluatedText,
} from '../derivation/author/objects.js';
import type { LocalStore } from './local-store.js';
import { addInBatches } from './text-batches.js';

/**
 * Writes what an evaluator made into a store: the `.drv` files, texts and sources that are not there yet, in the
 * order given, which has dependencies first. All of them are temporary roots from then on.
 *
 * Throws ERR_FILE for a source that changed since it was read, ERR_PATH_INVALID for a path that was said to be in
 * the store and is not, and the reason of an aborted signal.
 */
export async function instantiate(
  objects: readonly EvaluatedObject[],
  store: LocalStore,
  options: { readonly signal?: AbortSignal | undefined } = {},
): Promise<void> {
  await store.addTempRoots(objects.map(({ path }) => path));
  const missing = objects.filter(({ path }) => !store.isValid(path));
  for (const object of missing) {
    if (object.kind === 'source') await addSource(object, store, options.signal);
    if (object.kind === 'existing') {
      throw new AirplantError('ERR_PATH_INVALID', `${quote(object.path)} is not in the store`, {
        details: { path: object.path },
      });
    }
  }
  const texts = missing.filter((object) => object.kind === 'derivation' || object.kind === 'text');
  await addInBatches(texts, textOf, store);
  for (const object of objects) {
    if (object.kind === 'derivation') store.rememberDerivation(object.path, object.derivation);
  }
}

async function addSource(
  { path, name, hostPath, filter }: EvaluatedSource,
  store: LocalStore,
  signal: AbortSignal | undefined,
): Promise<void> {
  const added = await store.addPath({ name, source: hostPath, ...(filter ? { filter } : {}) }, { signal });
  if (added.path === path) return;
  throw new AirplantError('ERR_FILE', `${quote(hostPath)} changed while it was being used`, {
    hint: 'Run the command again once nothing writes to it any more.',
    details: { path: hostPath, expected: path, got: added.path },
  });
}

function textOf({ kind, name, bytes, references }: EvaluatedDerivation | EvaluatedText) {
  return { name: kind === 'derivation' ? `${name}.drv` : name, contents: bytes, references };
}
