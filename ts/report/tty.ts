import type { BuildEvent } from '../base/events.js';
import { filterLine } from '../base/terminal-filter.js';
import { cellWidth } from './cell-width.js';
import { type Paint, painter } from './colours.js';
import { formatDuration } from './duration.js';
import { LiveWindow } from './live-window.js';
import { type LogItem, LogLines, textOf } from './log-lines.js';
import {
  checkedLines,
  collectLine,
  diffLines,
  failureLines,
  finishedLines,
  hookMark,
  keptLines,
  notCopied,
  plainText,
  progressLine,
  shortName,
} from './messages.js';
import type { Reporter, ReporterOptions } from './reporter.js';

interface RunningBuild {
  readonly name: string;
  readonly startedAt: number;
  readonly log: LogLines;
  /** Of the post-build hook. */
  readonly hookLog: LogLines;
  phase: string;
  lastLine: string;
  state: 'running' | 'settling' | 'hook';
}

/** At most this many rows for builds, however tall the terminal is. */
const mostRows = 16;
const widestName = 40;

/**
 * For people at a terminal: a row for each running build with its clock, phase and last log line, and a line with
 * the sums, redrawn in place. Failures and warnings stay above it. Successes are only counted.
 */
export class TtyReporter implements Reporter {
  readonly #window: LiveWindow;
  readonly #paint: Paint;
  readonly #colours: boolean;
  readonly #printBuildLogs: boolean;
  readonly #now: () => number;
  readonly #startedAt: number;
  readonly #running = new Map<string, RunningBuild>();
  readonly #waitingForLock = new Map<string, readonly string[]>();
  readonly #copying = new Set<string>();
  /** The path that was last begun to be read. */
  #checking: string | undefined;
  /** Of work on the whole store. */
  #progress: string | undefined;
  /** What a garbage collector does. */
  #collecting: string | undefined;
  #deleted = 0;
  #planned = 0;
  #toCopy = 0;
  #copied = 0;
  #built = 0;
  #madeElsewhere = 0;
  #failed = 0;

  constructor(options: ReporterOptions) {
    this.#paint = painter(options.colours);
    this.#colours = options.colours;
    this.#printBuildLogs = options.printBuildLogs;
    this.#now = options.now ?? Date.now;
    this.#startedAt = this.#now();
    this.#window = new LiveWindow(options.stream, (size) => this.#frame(size));
  }

  handle(event: BuildEvent): void {
    switch (event.type) {
      case 'plan':
        this.#planned += event.build.length;
        this.#toCopy += event.substitute.length;
        this.#checking = undefined;
        break;
      case 'path.checking':
        this.#checking = event.path;
        break;
      case 'path.damaged':
        this.#window.print(plainText(event.message).split('\n'));
        break;
      case 'store.message':
        this.#window.print(plainText(event.message).split('\n'));
        break;
      case 'store.progress':
        this.#progress = event.done < event.expected ? progressLine(event) : undefined;
        break;
      case 'substitute.started':
        this.#copying.add(event.path);
        break;
      case 'substitute.succeeded':
        this.#copied++;
        this.#copying.delete(event.path);
        break;
      case 'substitute.failed':
        this.#copying.delete(event.path);
        this.#warn(notCopied(event));
        break;
      case 'build.waiting':
        if (event.reason === 'lock') this.#waitingForLock.set(event.drvPath, event.paths);
        else this.#waitingForLock.delete(event.drvPath);
        break;
      case 'build.started':
        this.#start(event.drvPath);
        break;
      case 'build.log':
        this.#note(event.drvPath, this.#running.get(event.drvPath)?.log.push(event.chunk));
        break;
      case 'build.settling':
        this.#settle(event.drvPath);
        break;
      case 'post-build.started':
        this.#startHook(event.drvPath);
        break;
      case 'post-build.log':
        this.#note(event.drvPath, this.#running.get(event.drvPath)?.hookLog.push(event.chunk), hookMark);
        break;
      case 'post-build.ended':
        this.#note(event.drvPath, this.#running.get(event.drvPath)?.hookLog.end(), hookMark);
        break;
      case 'build.succeeded':
        this.#built++;
        this.#end(event.drvPath);
        break;
      case 'build.made-elsewhere':
        this.#madeElsewhere++;
        this.#end(event.drvPath);
        break;
      case 'build.failed':
        this.#failed++;
        this.#end(event.drvPath);
        this.#window.print(
          failureLines(event, { paint: this.#paint, colours: this.#colours, showLog: !this.#printBuildLogs }),
        );
        break;
      case 'build.kept':
        this.#window.print(keptLines(event));
        break;
      case 'build.cancelled':
      case 'check.same':
        this.#end(event.drvPath);
        break;
      case 'check.diff':
        this.#window.print(diffLines(event, { colours: this.#colours }));
        break;
      case 'check.finished':
        this.#window.print(checkedLines(event, this.#paint));
        break;
      case 'collect.finished':
        this.#collecting = undefined;
        this.#window.print([collectLine(event)]);
        break;
      case 'collect.note':
        this.#window.print([collectLine(event)]);
        break;
      case 'collect.deleted':
        this.#deleted++;
        this.#collecting = collectLine(event);
        break;
      case 'collect.waiting':
      case 'collect.phase':
        this.#collecting = collectLine(event);
        break;
      case 'warning':
        this.#warn(event.message);
        break;
      case 'finished':
        this.#window.print(finishedLines(event, this.#paint));
    }
    this.#window.update();
  }

  close(): void {
    this.#window.close();
  }

  #warn(message: string): void {
    this.#window.print(`${this.#paint('yellow', 'warning:')} ${plainText(message)}`.split('\n'));
  }

  #start(drvPath: string): void {
    this.#waitingForLock.delete(drvPath);
    this.#running.set(drvPath, {
      name: shortName(drvPath),
      startedAt: this.#now(),
      log: new LogLines(),
      hookLog: new LogLines(),
      phase: '',
      lastLine: '',
      state: 'running',
    });
  }

  #settle(drvPath: string): void {
    const build = this.#running.get(drvPath);
    if (build) build.state = 'settling';
  }

  #startHook(drvPath: string): void {
    const build = this.#running.get(drvPath);
    if (!build) return;
    this.#note(drvPath, build.log.end());
    build.state = 'hook';
  }

  #end(drvPath: string): void {
    this.#note(drvPath, this.#running.get(drvPath)?.log.end());
    this.#running.delete(drvPath);
    this.#waitingForLock.delete(drvPath);
  }

  #note(drvPath: string, items: readonly LogItem[] = [], mark = ''): void {
    const build = this.#running.get(drvPath);
    if (!build) return;
    const shown: string[] = [];
    for (const item of items) {
      if (item.kind === 'message' && item.message.action === 'phase') {
        build.phase = filterLine(item.message.name, { colours: false });
      }
      for (const text of textOf(item)) {
        if (this.#printBuildLogs) {
          shown.push(
            `${this.#paint('dim', `${build.name}${mark}>`)} ${filterLine(text, { colours: this.#colours })}`,
          );
        }
        const plain = filterLine(text, { colours: false }).trim();
        if (plain !== '') build.lastLine = plain;
      }
    }
    this.#window.print(shown);
  }

  #frame({ rows }: { rows: number }): string[] {
    const now = this.#now();
    const builds = [...this.#running.values()];
    const room = Math.max(1, Math.min(mostRows, rows - 4));
    const shown = builds.slice(0, room);
    const nameWidth = Math.min(widestName, Math.max(0, ...shown.map((build) => cellWidth(build.name))));
    const lines = shown.map((build) => this.#row(build, now, nameWidth));
    if (builds.length > room) lines.push(this.#paint('dim', `  … and ${builds.length - room} more`));
    for (const paths of [...this.#waitingForLock.values()].slice(0, 1)) {
      lines.push(this.#paint('dim', `  waiting for lock on '${plainText(paths[0] ?? '')}'`));
    }
    if (this.#checking !== undefined) {
      lines.push(this.#paint('dim', `  checking '${plainText(this.#checking)}'`));
    }
    if (this.#progress !== undefined) lines.push(this.#paint('dim', `  ${this.#progress}`));
    for (const path of [...this.#copying].slice(0, 1)) {
      lines.push(this.#paint('dim', `  copying '${plainText(path)}'`));
    }
    if (this.#collecting !== undefined) {
      const sum = this.#deleted > 0 ? `  (${this.#deleted} deleted)` : '';
      lines.push(this.#paint('dim', `  ${this.#collecting}${sum}`));
    }
    if (this.#planned + this.#toCopy > 0) lines.push(this.#sums(now));
    return lines;
  }

  #row(build: RunningBuild, now: number, nameWidth: number): string {
    const name = build.name + ' '.repeat(Math.max(0, nameWidth - cellWidth(build.name)));
    const clock = formatDuration(now - build.startedAt).padStart(6);
    const doing = { running: build.phase, settling: 'registering outputs', hook: 'post-build hook' }[
      build.state
    ];
    return [`  ${this.#paint('bold', name)}`, clock, doing, this.#paint('dim', build.lastLine)]
      .filter(Boolean)
      .join('  ');
  }

  #sums(now: number): string {
    const over = this.#built + this.#madeElsewhere + this.#failed;
    const waiting = Math.max(0, this.#planned - over - this.#running.size);
    const parts = [
      this.#toCopy > 0 ? `${this.#copied}/${this.#toCopy} copied` : '',
      this.#paint('green', `${this.#built} built`),
      this.#madeElsewhere > 0 ? `${this.#madeElsewhere} made by another process` : '',
      this.#failed > 0 ? this.#paint('red', `${this.#failed} failed`) : '',
      `${this.#running.size} running`,
      waiting > 0 ? `${waiting} waiting` : '',
      formatDuration(now - this.#startedAt),
    ];
    return `∑ ${parts.filter(Boolean).join(', ')}`;
  }
}
