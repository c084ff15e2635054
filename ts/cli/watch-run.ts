import type { BuildEvent } from '../base/events.js';
import { wantsColours } from '../report/colours.js';
import { createReporter, type ProgressStyle } from '../report/reporter.js';
import type { CommandContext } from './command.js';
import type { Awaitable } from './engine.js';

/** Work that tells what it does. */
interface Run<Report> extends AsyncIterable<BuildEvent> {
  readonly result: Promise<Report>;
}

/** Starts work, reports on it in the way the flags ask for, and gives what came of it. Ctrl-C stops it. */
export async function watchRun<Report>(
  context: CommandContext,
  start: (signal: AbortSignal) => Awaitable<Run<Report>>,
): Promise<Report> {
  const { args, env, stderr, interrupts } = context;
  const colours = wantsColours(stderr, env);
  const reporter = await createReporter((args.value('progress') ?? 'auto') as ProgressStyle, {
    stream: stderr,
    colours,
    env,
    printBuildLogs: args.has('print-build-logs'),
  });
  const { signal } = interrupts;
  signal.addEventListener('abort', () => {
    const { message } = signal.reason as Error;
    reporter.handle({ type: 'warning', message: `${message}: stopping; once more to stop at once` });
  });
  try {
    const run = await start(signal);
    for await (const event of run) reporter.handle(event);
    return await run.result;
  } finally {
    reporter.close();
  }
}
