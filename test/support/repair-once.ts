import { isAirplantError } from '../../ts/base/errors.js';
import type { DerivationValue } from '../../ts/derivation/author/values.js';
import { openSubstituters } from '../../ts/substitute/open-substituters.js';
import { Substitutes } from '../../ts/substitute/substitutes.js';
import { FakeExecutor, someDerivation, startFakeBuild } from './fake-builds.js';
import { openTestStore } from './stores.js';

// Makes a store of two paths whole, builders not really being run: `repair-once ROOT [SUBSTITUTER]`. Says the codes of
// what fails.
const [root, uri] = process.argv.slice(2) as [string, string?];
const below = someDerivation('below');
const above: DerivationValue = someDerivation('above', { contents: `see ${below}`, outputs: ['out', 'doc'] });
try {
  await using store = await openTestStore(root);
  const onWarning = () => {};
  const substituters = uri === undefined ? [] : await openSubstituters([uri], { store, env: {}, onWarning });
  const trust = { requireSignatures: true, publicKeys: new Map() };
  const substitutes = new Substitutes(substituters, {
    storeDir: '/nix/store',
    trust,
    fallback: false,
    onWarning,
  });
  const how = { wanted: [above], substitutes, repair: true };
  const { run } = await startFakeBuild(store, new FakeExecutor(), how);
  const { results, exitStatus } = await run.result;
  for (const { error } of results) if (error) process.stdout.write(`${error.code} ${error.message}\n`);
  await substitutes.close();
  process.exitCode = exitStatus;
} catch (error) {
  process.stdout.write(isAirplantError(error) ? `${error.code} ${error.message}\n` : `${error}\n`);
  process.exitCode = 1;
}
