import type { BuildEvent } from '../base/events.js';
import { filterLine } from '../base/terminal-filter.js';
import { type Paint, painter } from './colours.js';
import { formatDuration } from './duration.js';
import { type LogItem, LogLines, textOf } from './log-lines.js';
import {
  checkedLines,
  collectLine,
  copyingLine,
  diffLines,
  failureLines,
  finishedLines,
  hookMark,
  keptLines,
  notCopied,
  plainText,
  planLines,
  progressLine,
  shortName,
  startedLine,
} from './messages.js';
import type { Reporter, ReporterOptions, ReportStream } from './reporter.js';

/** A CI system kills a job that says nothing for long (ten minutes is common); one line a minute is enough. */
const heartbeatMilliseconds = 60_000;

/** Who watches wants to know that it goes on, and not of each of ten thousand paths. */
const progressMilliseconds = 10_000;

interface RunningBuild {
  readonly startedAt: number;
  readonly log: LogLines;
  /** Of the post-build hook. */
  readonly hookLog: LogLines;
}

/** One line for every change of state, for logs and dumb terminals. Nothing is ever overwritten. */
export class PlainReporter implements Reporter {
  readonly #stream: ReportStream;
  readonly #colours: boolean;
  readonly #paint: Paint;
  readonly #printBuildLogs: boolean;
  readonly #now: () => number;
  readonly #running = new Map<string, RunningBuild>();
  readonly #heartbeat: NodeJS.Timeout;
  #lastWrite: number;

  constructor(options: ReporterOptions) {
    this.#stream = options.stream;
    this.#colours = options.colours;
    this.#paint = painter(options.colours);
    this.#printBuildLogs = options.printBuildLogs;
    this.#now = options.now ?? Date.now;
    this.#lastWrite = this.#now();
    this.#heartbeat = setInterval(() => this.#beat(), heartbeatMilliseconds / 4);
    this.#heartbeat.unref();
  }

  handle(event: BuildEvent): void {
    this.#write(this.#linesFor(event));
  }

  close(): void {
    clearInterval(this.#heartbeat);
  }

  #linesFor(event: BuildEvent): string[] {
    switch (event.type) {
      case 'plan':
        return planLines(event);
      case 'path.checking':
        return [`checking path '${plainText(event.path)}'...`];
      case 'path.damaged':
        return [plainText(event.message)];
      case 'store.message':
        return [plainText(event.message)];
      case 'store.progress':
        return this.#now() - this.#lastWrite < progressMilliseconds ? [] : [progressLine(event)];
      case 'substitute.started':
        return [copyingLine(event)];
      case 'substitute.succeeded':
        return [];
      case 'substitute.failed':
        return [this.#warning(notCopied(event))];
      case 'build.waiting':
        return event.reason === 'lock' ? [`waiting for lock on ${quoted(event.paths)}`] : [];
      case 'build.started':
        this.#running.set(event.drvPath, {
          startedAt: this.#now(),
          log: new LogLines(),
          hookLog: new LogLines(),
        });
        return [startedLine(event)];
      case 'build.log':
        return this.#logLines(event.drvPath, this.#running.get(event.drvPath)?.log.push(event.chunk));
      case 'build.settling':
        return [];
      case 'post-build.started':
        return this.#logLines(event.drvPath, this.#running.get(event.drvPath)?.log.end());
      case 'post-build.log': {
        const items = this.#running.get(event.drvPath)?.hookLog.push(event.chunk);
        return this.#logLines(event.drvPath, items, hookMark);
      }
      case 'post-build.ended':
        return this.#logLines(event.drvPath, this.#running.get(event.drvPath)?.hookLog.end(), hookMark);
      case 'build.succeeded': {
        const took = formatDuration(event.milliseconds);
        return [...this.#end(event.drvPath), `built '${plainText(event.drvPath)}' in ${took}`];
      }
      case 'build.made-elsewhere':
        return [`another process made the outputs of '${plainText(event.drvPath)}' meanwhile`];
      case 'check.same': {
        const took = formatDuration(event.milliseconds);
        return [...this.#end(event.drvPath), `checked '${plainText(event.drvPath)}' in ${took}: the same`];
      }
      case 'check.diff':
        return diffLines(event, { colours: this.#colours });
      case 'check.finished':
        return checkedLines(event, this.#paint);
      case 'build.failed': {
        const options = { paint: this.#paint, colours: this.#colours, showLog: !this.#printBuildLogs };
        return [...this.#end(event.drvPath), ...failureLines(event, options)];
      }
      case 'build.kept':
        return keptLines(event);
      case 'build.cancelled':
        return this.#end(event.drvPath);
      case 'collect.waiting':
      case 'collect.phase':
      case 'collect.deleted':
      case 'collect.note':
      case 'collect.finished':
        return [collectLine(event)];
      case 'warning':
        return [this.#warning(event.message)];
      case 'finished':
        return finishedLines(event, this.#paint);
    }
  }

  #warning(message: string): string {
    return `${this.#paint('yellow', 'warning:')} ${plainText(message)}`;
  }

  /** Forgets a build; returns what its log still had to say. */
  #end(drvPath: string): string[] {
    const lines = this.#logLines(drvPath, this.#running.get(drvPath)?.log.end());
    this.#running.delete(drvPath);
    return lines;
  }

  #logLines(drvPath: string, items: readonly LogItem[] = [], mark = ''): string[] {
    if (!this.#printBuildLogs) return [];
    const prefix = this.#paint('dim', `${shortName(drvPath)}${mark}>`);
    const colours = this.#colours;
    return items.flatMap(textOf).map((text) => `${prefix} ${filterLine(text, { colours })}`);
  }

  #beat(): void {
    const now = this.#now();
    if (this.#running.size === 0 || now - this.#lastWrite < heartbeatMilliseconds) return;
    const builds = [...this.#running].map(
      ([drvPath, build]) => `${shortName(drvPath)} (${formatDuration(now - build.startedAt)})`,
    );
    this.#write([`still building ${builds.join(', ')}`]);
  }

  #write(lines: readonly string[]): void {
    if (lines.length === 0) return;
    this.#lastWrite = this.#now();
    this.#stream.write(`${lines.join('\n')}\n`);
  }
}

function quoted(paths: readonly string[]): string {
  return paths.map((path) => `'${plainText(path)}'`).join(', ');
}
