import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SettingsInput } from '../../../ts/config/load.js';
import { type BuildResult, type DerivationValue, openStore, type Store } from '../../../ts/index.js';
import { freshDirectory, scratch } from '../../support/sandbox.js';
import { buildLogged, scriptDerivation } from '../../support/scripts.js';

let number = 0;

/** A derivation of its own, whatever the script; `bb` is busybox. */
export function attack(text: string, more: Readonly<Record<string, unknown>> = {}): DerivationValue {
  return scriptDerivation(`attack-${++number}`, text, { process: `${process.pid}`, ...more });
}

/** Lets `use` have a store below `directory`, in which busybox is visible to builds. */
export async function inStore<T>(
  directory: string,
  settings: SettingsInput,
  use: (store: Store) => Promise<T>,
): Promise<T> {
  const { 'sandbox-paths': more = [], ...others } = settings;
  await using store = await openStore({
    store: join(directory, 'root'),
    settings: { 'sandbox-paths': ['/bin/busybox', ...(more as string[])], ...others },
  });
  return await use(store);
}

/** Makes one build; its result, and all that its builder wrote. */
export async function buildOnce(
  directory: string,
  wanted: DerivationValue,
  settings: SettingsInput = {},
): Promise<BuildResult & { readonly log: string; readonly path: string }> {
  return await inStore(directory, settings, async (store) => {
    const result = await buildLogged(store, wanted);
    const out = result.outputs['out'];
    return { ...result, path: out === undefined ? '' : store.local.realPath(out) };
  });
}

/** Makes one build, which must succeed. */
export async function built(
  directory: string,
  wanted: DerivationValue,
  settings: SettingsInput = {},
): Promise<{ readonly log: string; readonly path: string }> {
  const result = await buildOnce(directory, wanted, settings);
  assert.equal(result.error, undefined, result.log);
  return result;
}

/** A file of the host that no build may change, alone in a directory of its own below `parent`. */
export function canary(parent: string = scratch): {
  readonly place: string;
  readonly file: string;
  readonly intact: () => void;
} {
  const place = join(parent, `canary-${++number}`);
  mkdirSync(place);
  const file = join(place, 'file');
  writeFileSync(file, 'of the host');
  chmodSync(file, 0o640);
  const { mtimeMs } = statSync(file);
  return {
    place,
    file,
    intact() {
      assert.deepEqual(readdirSync(place), ['file']);
      assert.equal(readFileSync(file, 'utf8'), 'of the host');
      const now = statSync(file);
      assert.equal(now.mode & 0o7777, 0o640);
      assert.equal(now.mtimeMs, mtimeMs);
    },
  };
}

/** An executable shell script of the host’s. */
export function hostScript(text: string): string {
  const file = join(freshDirectory('script'), `script-${++number}`);
  writeFileSync(file, `#!/bin/sh\n${text}\n`);
  chmodSync(file, 0o755);
  return file;
}
