import type { EventSink } from '../../base/events.js';
import type { LocalStore } from '../../store/local-store.js';
import { takeIdentity } from '../builder-ids.js';
import type { BuildOptions } from '../options.js';
import { runDiffoscope } from './diffoscope.js';
import type { CheckedOutput, CheckOptions } from './records.js';
import type { OutputDiffoscope } from './report.js';

export interface AskContext {
  readonly store: LocalStore;
  readonly options: Pick<
    BuildOptions,
    'sandbox' | 'sandboxSystem' | 'ids' | 'filterSystemCalls' | 'nestedNamespaces'
  >;
  readonly emit: EventSink;
  readonly signal: AbortSignal;
  /** For all outputs together. Default: five minutes for who asks for it, one for who does not. */
  readonly seconds?: number;
}

/**
 * What diffoscope says of each output that differs; undefined where it is not asked or not installed, which is a warning
 * for who wants it. It is sealed as builds are. Where they are not (`sandbox = false`), or not on this system, it would read
 * what builders have written with the rights of the caller, and so has to be wanted.
 *
 * Throws the signal's reason, and what `takeIdentity` throws.
 */
export async function askDiffoscope(
  outputs: readonly CheckedOutput[],
  wish: CheckOptions['diffoscope'],
  { store, options, emit, signal, seconds = wish === true ? 300 : 60 }: AskContext,
): Promise<readonly OutputDiffoscope[] | undefined> {
  const sealed = options.sandboxSystem.kind === 'linux' && options.sandbox !== false;
  if (wish === false || (wish === 'if-installed' && !sealed)) return undefined;
  using taken = sealed ? await takeIdentity(options.ids, { range: false }, { signal, onWait }) : undefined;
  const { filterSystemCalls, nestedNamespaces } = options;
  const sealing = taken && { identity: taken.identity, filterSystemCalls, nestedNamespaces };
  const said: OutputDiffoscope[] = [];
  const until = performance.now() + seconds * 1000;
  for (const { name, path, kept } of outputs) {
    if (kept === undefined) continue;
    const timeoutSeconds = (until - performance.now()) / 1000;
    if (timeoutSeconds <= 0) {
      said.push({ output: name, text: '', outcome: 'timeout' });
      continue;
    }
    const [registered, made] = [store.realPath(path), store.realPath(kept)];
    const result = await runDiffoscope(registered, made, { timeoutSeconds, signal, sealing });
    if (!result) {
      if (wish === true) emit({ type: 'warning', message: 'diffoscope is not installed' });
      return undefined;
    }
    said.push({ output: name, ...result });
  }
  return said;
}

/** Whoever waits for a range has said so for the build already. */
function onWait(): void {}
