import type { BuildEvent } from '../base/events.js';
import { type LogItem, LogLines } from './log-lines.js';
import {
  collectLine,
  copyingLine,
  keptLines,
  notCopied,
  plainText,
  planLines,
  startedLine,
  wantedFailedMessage,
} from './messages.js';
import { type ActivityId, levels, NixActivities } from './nix-activities.js';
import { NixDownloads } from './nix-downloads.js';
import { NixTotals } from './nix-totals.js';
import type { Reporter, ReportStream } from './reporter.js';

type EventOf<Type extends BuildEvent['type']> = Extract<BuildEvent, { type: Type }>;

interface RunningBuild {
  readonly id: ActivityId;
  readonly log: LogLines;
  readonly downloads: NixDownloads;
  hook?: { readonly id: ActivityId; readonly log: LogLines };
}

interface RunningCopy {
  readonly substitute: ActivityId;
  readonly copy: ActivityId;
}

/**
 * Events as Nix tells them with `--log-format internal-json`, in the order in which it does, for programs that read
 * that. Every text may come from a builder: it is escaped, but whoever decodes it must filter it.
 */
export class NixJsonReporter implements Reporter {
  readonly #activities: NixActivities;
  readonly #totals: NixTotals;
  readonly #builds = new Map<string, RunningBuild>();
  readonly #copies = new Map<string, RunningCopy>();
  readonly #waits = new Map<string, ActivityId>();
  readonly #planned = new Set<string>();
  readonly #wanted = new Set<string>();
  #storeActivity: ActivityId | undefined;
  /** Told in the end, as Nix does with what was asked for. */
  readonly #lastErrors: string[] = [];

  constructor({ stream, pid = process.pid }: { readonly stream: ReportStream; readonly pid?: number }) {
    this.#activities = new NixActivities(stream, pid);
    this.#totals = new NixTotals(this.#activities);
  }

  handle(event: BuildEvent): void {
    switch (event.type) {
      case 'plan':
        this.#plan(event);
        break;
      case 'path.checking':
        this.#activities.message(levels.info, `checking path '${event.path}'...`);
        break;
      case 'path.damaged':
        this.#activities.message(levels.error, event.message);
        break;
      case 'store.message':
        this.#activities.message(levels[event.level], event.message);
        break;
      case 'store.progress':
        this.#storeProgress(event);
        break;
      case 'substitute.started':
        this.#startCopy(event);
        break;
      case 'substitute.succeeded':
        this.#endCopy(event.path, event.narSize);
        break;
      case 'substitute.failed':
        this.#warn(notCopied(event));
        this.#endCopy(event.path, undefined);
        break;
      case 'build.waiting':
        this.#wait(event);
        break;
      case 'build.started':
        this.#startBuild(event);
        break;
      case 'build.log':
        this.#log(event.drvPath, (build) => build.log.push(event.chunk));
        break;
      case 'build.settling':
        this.#log(event.drvPath, (build) => build.log.end());
        break;
      case 'post-build.started':
        this.#startHook(event);
        break;
      case 'post-build.log':
        this.#hookLines(this.#builds.get(event.drvPath)?.hook, (log) => log.push(event.chunk));
        break;
      case 'post-build.ended':
        this.#endHook(event.drvPath);
        break;
      case 'build.succeeded':
      case 'check.same':
        this.#endBuild(event.drvPath, 'done');
        break;
      case 'build.made-elsewhere':
      case 'build.cancelled':
        this.#endBuild(event.drvPath, 'dropped');
        break;
      case 'check.diff':
        this.#activities.message(levels.error, event.text);
        break;
      case 'build.kept':
        this.#activities.message(levels.error, keptLines(event)[0]!);
        break;
      case 'build.failed':
        this.#fail(event);
        break;
      case 'collect.waiting':
      case 'collect.phase':
      case 'collect.deleted':
      case 'collect.note':
      case 'collect.finished':
        this.#activities.message(levels.info, collectLine(event));
        break;
      case 'warning':
        this.#warn(event.message);
        break;
      case 'check.finished':
      case 'finished':
        this.#finish(event);
        break;
    }
  }

  close(): void {
    for (const drvPath of [...this.#builds.keys()]) this.#endBuild(drvPath, 'dropped');
    if (this.#storeActivity !== undefined) this.#activities.stop(this.#storeActivity);
    this.#totals.close();
    for (const error of this.#lastErrors) this.#activities.error(error);
  }

  #storeProgress({ activity, done, expected }: EventOf<'store.progress'>): void {
    const type = activity === 'verify' ? 'verifyPaths' : 'optimiseStore';
    this.#storeActivity ??= this.#activities.start(type);
    this.#activities.result(this.#storeActivity, 'progress', done, expected, 0, 0);
    if (done < expected) return;
    this.#activities.stop(this.#storeActivity);
    this.#storeActivity = undefined;
  }

  #plan(event: EventOf<'plan'>): void {
    // Nix asks at the beginning, and again when it starts; there is nothing to see in either.
    if (!this.#totals.begun) this.#activities.stop(this.#activities.start('unknown', inquiry));
    for (const line of planLines(event)) this.#activities.message(levels.info, line);
    for (const drvPath of event.build) this.#planned.add(drvPath);
    for (const drvPath of event.wanted ?? []) this.#wanted.add(drvPath);
    this.#totals.expect(event.build.length, event.substitute.length, () =>
      this.#activities.stop(this.#activities.start('unknown', inquiry)),
    );
  }

  #startCopy(event: EventOf<'substitute.started'>): void {
    const { path, from, narSize = 0 } = event;
    this.#totals.startCopy(narSize);
    const substitute = this.#activities.start('substitute', { fields: [path, from] });
    const fields = [path, from, 'local'];
    const options = { level: levels.info, text: bare(copyingLine(event)), fields, parent: substitute };
    this.#copies.set(path, { substitute, copy: this.#activities.start('copyPath', options) });
  }

  /** `size`: of its NAR, if it came. */
  #endCopy(path: string, size: number | undefined): void {
    const copy = this.#copies.get(path);
    if (!copy) return;
    this.#copies.delete(path);
    if (size !== undefined) this.#activities.result(copy.copy, 'progress', size, size, 0, 0);
    this.#activities.stop(copy.copy);
    this.#activities.stop(copy.substitute);
    this.#totals.endCopy(size !== undefined);
  }

  #wait({ drvPath, reason, paths }: EventOf<'build.waiting'>): void {
    this.#endWait(drvPath);
    if (reason !== 'lock') return;
    const text = `waiting for lock on ${paths.map((path) => `\x1b[35;1m'${plainText(path)}'\x1b[0m`).join(', ')}`;
    this.#waits.set(drvPath, this.#activities.start('buildWaiting', { level: levels.warn, text }));
  }

  #endWait(drvPath: string): void {
    const id = this.#waits.get(drvPath);
    if (id !== undefined) this.#activities.stop(id);
    this.#waits.delete(drvPath);
  }

  #startBuild(event: EventOf<'build.started'>): void {
    const { drvPath } = event;
    this.#endWait(drvPath);
    // A check builds what no plan has named, and perhaps several times.
    if (this.#builds.has(drvPath)) this.#endBuild(drvPath, 'done');
    if (!this.#planned.has(drvPath)) this.#totals.expect(1, 0);
    this.#planned.delete(drvPath);
    const id = this.#activities.start('build', {
      level: levels.info,
      text: bare(startedLine(event)),
      fields: [drvPath, '', 1, 1],
    });
    this.#builds.set(drvPath, { id, log: new LogLines(), downloads: new NixDownloads(this.#activities, id) });
    this.#totals.startBuild();
  }

  #log(drvPath: string, read: (build: RunningBuild) => readonly LogItem[]): void {
    const build = this.#builds.get(drvPath);
    if (!build) return;
    for (const item of read(build)) {
      if (item.kind === 'line') this.#activities.result(build.id, 'buildLogLine', item.text);
      else if (item.message.action === 'phase')
        this.#activities.result(build.id, 'setPhase', item.message.name);
      else if (item.message.action === 'message')
        this.#activities.message(item.message.level, item.message.text);
      else build.downloads.handle(item.message);
    }
  }

  #startHook({ drvPath, program }: EventOf<'post-build.started'>): void {
    const build = this.#builds.get(drvPath);
    if (!build) return;
    const text = `running post-build-hook '${program}'`;
    const id = this.#activities.start('postBuildHook', { level: levels.info, text, fields: [drvPath] });
    build.hook = { id, log: new LogLines() };
  }

  #hookLines(hook: RunningBuild['hook'], read: (log: LogLines) => readonly LogItem[]): void {
    if (!hook) return;
    for (const item of read(hook.log)) {
      if (item.kind === 'line') this.#activities.result(hook.id, 'postBuildLogLine', item.text);
    }
  }

  #endHook(drvPath: string): void {
    const build = this.#builds.get(drvPath);
    if (!build?.hook) return;
    this.#hookLines(build.hook, (log) => log.end());
    this.#activities.stop(build.hook.id);
    delete build.hook;
  }

  #endBuild(drvPath: string, how: 'done' | 'dropped'): void {
    this.#endWait(drvPath);
    this.#log(drvPath, (build) => build.log.end());
    this.#totals.endBuild(how, { ran: this.#builds.has(drvPath) });
    this.#planned.delete(drvPath);
    this.#stopBuild(drvPath);
  }

  #fail({ drvPath, code, message }: EventOf<'build.failed'>): void {
    this.#endWait(drvPath);
    this.#log(drvPath, (build) => build.log.end());
    const ran = this.#builds.has(drvPath);
    // Nix counts causes only.
    const how = code === 'ERR_DEPENDENCY_FAILED' ? 'dropped' : 'failed';
    if (ran || this.#planned.delete(drvPath)) this.#totals.endBuild(how, { ran });
    if (ran && !this.#wanted.has(drvPath)) this.#activities.error(plainText(message));
    else this.#lastErrors.push(plainText(message));
    this.#stopBuild(drvPath);
  }

  #finish(event: EventOf<'finished' | 'check.finished'>): void {
    const message = wantedFailedMessage(event);
    if (message !== undefined) this.#lastErrors.push(message);
  }

  #stopBuild(drvPath: string): void {
    const build = this.#builds.get(drvPath);
    if (!build) return;
    this.#endHook(drvPath);
    build.downloads.close();
    this.#activities.stop(build.id);
    this.#builds.delete(drvPath);
  }

  #warn(message: string): void {
    this.#activities.message(levels.warn, `\x1b[35;1mwarning:\x1b[0m ${plainText(message)}`);
  }
}

const inquiry = { level: levels.debug, text: 'querying info about missing paths' };

/** Our lines for people end with dots, as Nix's do for people. */
function bare(line: string): string {
  return line.replace(/\.\.\.$/, '');
}
