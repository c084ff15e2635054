import { join } from 'node:path';
import { AirplantError } from '../../../ts/base/errors.js';
import { verifyAndRepair } from '../../../ts/build/verify-and-repair.js';
import type { DerivationValue } from '../../../ts/derivation/author/values.js';
import type { LocalStore } from '../../../ts/store/local-store.js';
import { describeFinding } from '../../../ts/store/verify/finding.js';
import { openSubstituters } from '../../../ts/substitute/open-substituters.js';
import { Substitutes } from '../../../ts/substitute/substitutes.js';
import { damage } from '../damage.js';
import { FakeExecutor, plainOptions, someDerivation, startFakeBuild } from '../fake-builds.js';
import { openTestStore } from '../stores.js';

/** To be copied from another store. */
const below = someDerivation('below');
/** Refers to it, and is to be built again. */
const above = someDerivation('above', { contents: `see ${below}` });

/** Makes a store of two paths that are damaged, and another one in `scratch` that has one of them whole. */
export async function buildAndDamage(store: LocalStore, scratch: string): Promise<void> {
  await build(store, [above]);
  await using other = await openTestStore(join(scratch, 'other'));
  await build(other, [below]);
  for (const { outPath } of [below, above]) await damage(store, outPath, 'a flipped bit');
}

/** Whether the path is one of these. */
export function isDamagedBuild(path: string): boolean {
  return [below, above].some(({ outPath }) => outPath === path);
}

/** What `airplant verify --check-contents --repair` does, but for the sandbox. */
export async function verifyAndRepairAll(store: LocalStore, scratch: string): Promise<void> {
  const onWarning = () => {};
  const uris = [`${join(scratch, 'other')}?trusted=1`];
  const substituters = await openSubstituters(uris, { store, env: {}, onWarning });
  const trust = { requireSignatures: true, publicKeys: new Map() };
  const how = { storeDir: '/nix/store', trust, fallback: true, onWarning };
  const substitutes = new Substitutes(substituters, how);
  try {
    const job = {
      store,
      substitutes: async () => substitutes,
      engine: async () => ({ options: { ...plainOptions, fallback: true }, executor: new FakeExecutor() }),
      signal: new AbortController().signal,
    };
    const { findings, exitStatus } = await verifyAndRepair(
      job,
      { checkContents: true, repair: true },
      () => undefined,
    );
    if (exitStatus !== 0) {
      const left = findings.filter(({ state }) => state === 'error').map(describeFinding);
      throw new AirplantError('ERR_REPAIR', left.join('\n'));
    }
  } finally {
    await substitutes.close();
  }
}

async function build(store: LocalStore, wanted: readonly DerivationValue[]): Promise<void> {
  const { run } = await startFakeBuild(store, new FakeExecutor(), { wanted });
  const { exitStatus } = await run.result;
  if (exitStatus !== 0) throw new Error('a build that is not really one has failed');
}
