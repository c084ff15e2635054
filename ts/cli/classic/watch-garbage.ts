import { collectLine, mebibytes } from '../../report/messages.js';
import type { CollectListener, CollectReport } from '../../store/collect/records.js';
import { tell } from '../store-session.js';
import { wholeNumber } from './global-flags.js';
import type { OperationCall } from './operations.js';

/**
 * Tells what a collector does, and prints what it came to on standard output, as Nix does also if it fails. Returns the
 * exit status.
 */
export async function watchGarbage(
  { context, verbosity }: OperationCall,
  collect: (onEvent: CollectListener) => Promise<CollectReport>,
): Promise<number> {
  let report: CollectReport = { deleted: 0, bytesFreed: 0, bytesSaved: 0, kept: [] };
  try {
    report = await collect((event) => {
      if (verbosity >= 3 && event.type !== 'collect.finished')
        context.stderr.write(`${collectLine(event)}\n`);
    });
  } finally {
    const { deleted, bytesFreed } = report;
    await context.stdout.write(`${deleted} store paths deleted, ${mebibytes(bytesFreed)} freed\n`);
  }
  for (const { place, message } of report.kept)
    tell(context, 'warning', `${place} could not be deleted: ${message}`);
  return report.kept.length > 0 ? 1 : 0;
}

/** The value of `--max-freed`; less than nothing is nothing, as in Nix. */
export function maxFreedOf(text: string): number {
  return /^-[0-9]+$/.test(text) ? 0 : wholeNumber(text);
}
