import { readdirSync } from 'node:fs';
import { type BuildResult, type DerivationValue, derivation, type Store } from '../../ts/index.js';

/** A derivation that runs a shell script in which `bb` is busybox, which has to be among the `sandbox-paths`. */
export function scriptDerivation(
  name: string,
  text: string,
  more: Readonly<Record<string, unknown>> = {},
): DerivationValue {
  return derivation({
    name,
    system: 'x86_64-linux',
    builder: '/bin/busybox',
    args: ['sh', '-c', `bb() { /bin/busybox "$@"; }\n${text}`],
    ...more,
  } as Parameters<typeof derivation>[0]);
}

/** Builds one derivation; its result, and everything its builder wrote. */
export async function buildLogged(
  store: Store,
  wanted: DerivationValue,
  options: { readonly signal?: AbortSignal } = {},
): Promise<BuildResult & { readonly log: string }> {
  const run = store.build([wanted], options);
  let log = '';
  for await (const event of run) {
    if (event.type === 'build.log') log += Buffer.from(event.chunk).toString();
  }
  const { results } = await run.result;
  return { ...results[0]!, log };
}

/** Everything in the store directory that is not a valid path or a lock file. */
export function leftoversIn({ local }: Store): string[] {
  const { realStoreDir, storeDir } = local.directories;
  return readdirSync(realStoreDir).filter((name) => {
    return name !== '.links' && !name.endsWith('.lock') && !local.isValid(`${storeDir}/${name}`);
  });
}
