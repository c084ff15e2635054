import type { BuildEvent } from '../base/events.js';
import { printable } from '../base/quote.js';
import { wantsColours } from '../report/colours.js';
import { createReporter, type ProgressStyle } from '../report/reporter.js';
import type { CollectReport } from '../store/collect/records.js';
import type { CommandContext } from './command.js';
import type { CollectingOptions } from './engine.js';
import { writeJson } from './output.js';
import { tell } from './store-session.js';

/** Lets a collector work, reports on it in the way the flags ask for, and gives what came of it. Ctrl-C stops it. */
export async function watchCollector<T>(
  context: CommandContext,
  collect: (options: CollectingOptions) => Promise<T>,
  onEvent: (event: BuildEvent) => void = () => {},
): Promise<T> {
  const { args, env, stderr, interrupts } = context;
  const reporter = await createReporter((args.value('progress') ?? 'auto') as ProgressStyle, {
    stream: stderr,
    colours: wantsColours(stderr, env),
    env,
    printBuildLogs: false,
  });
  try {
    return await collect({
      signal: interrupts.signal,
      onEvent: (event) => {
        reporter.handle(event);
        onEvent(event);
      },
    });
  } finally {
    reporter.close();
  }
}

/** A collection that deletes; with --json what it came to is printed, with the paths. Returns the exit status. */
export async function runCollection(
  context: CommandContext,
  collect: (options: CollectingOptions) => Promise<CollectReport>,
): Promise<number> {
  const { args, stdout } = context;
  const paths: string[] = [];
  const json = args.has('json');
  const report = await watchCollector(context, collect, (event) => {
    if (json && event.type === 'collect.deleted') paths.push(event.path);
  });
  for (const { place, message } of report.kept)
    tell(context, 'warning', `${printable(place)} could not be deleted: ${printable(message)}`);
  if (json) await writeJson(stdout, { paths: paths.sort(), ...report });
  return report.kept.length > 0 ? 1 : 0;
}
