import type { EventSink } from '../../base/events.js';
import type { LocalStore } from '../../store/local-store.js';
import { runDiffoscope } from './diffoscope.js';
import type { CheckedOutput, CheckOptions } from './records.js';
import type { OutputDiffoscope } from './report.js';

export interface AskContext {
  readonly store: LocalStore;
  readonly emit: EventSink;
  readonly signal: AbortSignal;
  /** For all outputs together. Default: five minutes for who asks for it, one for who does not. */
  readonly seconds?: number;
}

/**
 * What diffoscope says of each output that differs; undefined where it is not asked or not installed, which is a warning
 * for who wants it. For root it has to be wanted: builders of root are other users, and what reads their outputs is not.
 *
 * Throws the signal's reason.
 */
export async function askDiffoscope(
  outputs: readonly CheckedOutput[],
  wish: CheckOptions['diffoscope'],
  { store, emit, signal, seconds = wish === true ? 300 : 60 }: AskContext,
): Promise<readonly OutputDiffoscope[] | undefined> {
  if (wish === false || (wish === 'if-installed' && process.getuid?.() === 0)) return undefined;
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
    const result = await runDiffoscope(registered, made, { timeoutSeconds, signal });
    if (!result) {
      if (wish === true) emit({ type: 'warning', message: 'diffoscope is not installed' });
      return undefined;
    }
    said.push({ output: name, ...result });
  }
  return said;
}
