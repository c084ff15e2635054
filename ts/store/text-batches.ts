import type { TextToAdd } from './add-text.js';
import type { LocalStore } from './local-store.js';

/**
 * Adds any number of texts, referenced ones first, some at a time. Each text takes a lock, which is an open file, of
 * which a process may have 1024 in some places; and only the contents of one batch are in memory at once.
 */
export async function addInBatches<Item>(
  items: readonly Item[],
  textOf: (item: Item) => TextToAdd,
  store: Pick<LocalStore, 'addTexts'>,
): Promise<void> {
  for (let at = 0; at < items.length; at += batchSize) {
    await store.addTexts(items.slice(at, at + batchSize).map(textOf));
  }
}

const batchSize = 256;
