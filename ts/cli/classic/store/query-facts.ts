import { encodeText } from '../../../base/text.js';
import { formatHash } from '../../../formats/hash.js';
import { binding } from '../../../store/query/binding.js';
import { eachAsked, pathsOf, type QueryCall } from './query-call.js';
import { readDerivation } from './read-derivation.js';

/** `--outputs`: of derivations their outputs, of other paths the paths. */
export async function printOutputs(call: QueryCall): Promise<void> {
  const { stdout } = call.context;
  for await (const path of eachAsked({ ...call, useOutput: true })) await stdout.write(`${path}\n`);
}

/** `--deriver`. */
export async function printDerivers(call: QueryCall): Promise<void> {
  const { local } = call.store;
  for (const path of pathsOf(call)) {
    await call.context.stdout.write(`${local.pathInfo(path).deriver ?? 'unknown-deriver'}\n`);
  }
}

/** `--valid-derivers`, which newer Nix has: the valid derivations with this output. */
export async function printValidDerivers(call: QueryCall): Promise<void> {
  const { local } = call.store;
  for (const path of pathsOf(call)) {
    const derivers = local.validDerivers(path);
    await call.context.stdout.write(derivers.map((drvPath) => `${drvPath}\n`).join(''));
  }
}

/** `--binding NAME`: a variable of the environment of builders. */
export async function printBindings(call: QueryCall): Promise<void> {
  const { context, store } = call;
  for (const path of pathsOf(call)) {
    if (path.endsWith('.drv')) readDerivation(store.local, path);
    await context.stdout.write(encodeText(`${binding(store.local, path, call.binding)}\n`));
  }
}

/** `--hash`: of the archives of paths. */
export async function printHashes(call: QueryCall): Promise<void> {
  for await (const path of eachAsked(call)) {
    const { narHash } = call.store.local.pathInfo(path);
    await call.context.stdout.write(`${formatHash(narHash, 'base32')}\n`);
  }
}

/** `--size`: of the archives of paths, in bytes. */
export async function printSizes(call: QueryCall): Promise<void> {
  for await (const path of eachAsked(call)) {
    await call.context.stdout.write(`${call.store.local.pathInfo(path).narSize}\n`);
  }
}

/** `--resolve`: the store paths that operands lie in; they need not be valid. */
export async function printResolved(call: QueryCall): Promise<void> {
  for (const path of pathsOf(call)) await call.context.stdout.write(`${path}\n`);
}
