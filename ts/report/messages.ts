import type { BuildEvent } from '../base/events.js';
import { printable } from '../base/quote.js';
import { filterLine, filterText } from '../base/terminal-filter.js';
import type { Paint } from './colours.js';
import { formatDuration } from './duration.js';

type EventOf<Type extends BuildEvent['type']> = Extract<BuildEvent, { type: Type }>;

/** Text of others without any escape sequence. */
export function plainText(text: string): string {
  return filterText(text, { colours: false });
}

/** What is going to happen, in the words of Nix; empty if nothing is. */
export function planLines(event: Pick<EventOf<'plan'>, 'build' | 'substitute'>): string[] {
  return [
    ...pathList(event.build, ['this derivation will be built:', 'derivations will be built:']),
    ...pathList(event.substitute, ['this path will be fetched:', 'paths will be fetched:']),
  ];
}

function pathList(paths: readonly string[], [one, many]: readonly [one: string, many: string]): string[] {
  if (paths.length === 0) return [];
  const title = paths.length === 1 ? one : `these ${paths.length} ${many}`;
  return [title, ...paths.map((path) => `  ${plainText(path)}`)];
}

/** A build that begins, in the words of Nix. */
export function startedLine({ drvPath, check, repair }: EventOf<'build.started'>): string {
  const what = check ? 'checking outputs of' : repair ? 'repairing outputs of' : 'building';
  return `${what} '${plainText(drvPath)}'...`;
}

/** A path on its way from a substituter, in the words of Nix. */
export function copyingLine({ path, from }: EventOf<'substitute.started'>): string {
  return `copying path '${plainText(path)}' from '${plainText(from)}'...`;
}

/** How far work on the whole store has come. */
export function progressLine({ activity, done, expected }: EventOf<'store.progress'>): string {
  return `${activity === 'verify' ? 'verified' : 'optimised'} ${done} of ${expected} paths`;
}

/** What Nix puts behind the name of a build whose post-build hook says something. */
export const hookMark = ' (post)';

/** Why a path did not come from there; not yet safe to print. */
export function notCopied({ path, from, message }: EventOf<'substitute.failed'>): string {
  return `'${path}' could not be copied from '${from}': ${message}`;
}

/**
 * A failed build as Nix words it: the error, the last lines of the log behind `> `, how to see all of it, and notes; then
 * a hint, unless that could only point to the log. `showLog` is false when the log has been shown already.
 */
export function failureLines(
  event: EventOf<'build.failed'>,
  options: { readonly paint: Paint; readonly colours: boolean; readonly showLog: boolean },
): string[] {
  const { paint, colours, showLog } = options;
  const [first = '', ...more] = plainText(event.message).split('\n');
  const lines = [`${paint('red', 'error:')} ${first}`];
  const rest = more.map((line) => `       ${line}`);
  let hinted = true;
  if (showLog && event.lastLines.length > 0) {
    if (!loglessInNix.has(event.code)) lines[0] += ';';
    lines.push(`       last ${event.lastLines.length} log lines:`);
    for (const line of event.lastLines) lines.push(`       > ${filterLine(line, { colours })}`);
    lines.push(`       For full logs, run 'airplant log ${plainText(event.drvPath)}'.`);
    hinted = event.code !== 'ERR_BUILD_FAILED';
  }
  lines.push(...rest);
  if (hinted && event.hint) lines.push(`       ${paint('dim', 'hint:')} ${plainText(event.hint)}`);
  return lines;
}

/** Nix shows no log with these, so that its sentence ends without a semicolon. */
const loglessInNix: ReadonlySet<string> = new Set(['ERR_BUILD_TIMEOUT', 'ERR_LOG_LIMIT']);

/** That a build directory stays, in the words of Nix, and what it is good for. */
export function keptLines({ drvPath, directory }: EventOf<'build.kept'>): string[] {
  return [
    `note: keeping build directory '${plainText(directory)}'`,
    `      enter its sandbox with 'airplant shell --failed ${plainText(drvPath)}'`,
  ];
}

/** What a diff hook printed. */
export function diffLines(event: EventOf<'check.diff'>, options: { readonly colours: boolean }): string[] {
  return event.text.split('\n').map((line) => filterLine(line, options));
}

/** What a garbage collector does, in the words of Nix. */
export function collectLine(event: EventOf<`collect.${string}` & BuildEvent['type']>): string {
  switch (event.type) {
    case 'collect.waiting':
      return 'waiting for the big garbage collector lock...';
    case 'collect.phase':
      return phaseLines[event.phase];
    case 'collect.deleted':
      return `deleting '${printable(event.path)}'`;
    case 'collect.note':
      return printable(event.message);
    case 'collect.finished':
      return `${event.deleted} store paths deleted, ${mebibytes(event.bytesFreed)} freed`;
  }
}

/** A number of bytes as Nix writes it. */
export function mebibytes(bytes: number): string {
  return `${(bytes / 1024 ** 2).toFixed(2)} MiB`;
}

const phaseLines = {
  roots: 'finding garbage collector roots...',
  liveness: 'determining live/dead paths...',
  deleting: 'deleting garbage...',
  links: 'deleting unused links...',
} as const;

/** The last word on a check. */
export function checkedLines(event: EventOf<'check.finished'>, paint: Paint): string[] {
  const { same, differing, failed } = event;
  const parts = [
    same > 0 ? `${same} the same` : '',
    differing > 0 ? `${differing} not deterministic` : '',
    failed > 0 ? `${failed} not checked` : '',
  ].filter(Boolean);
  return lastLines(parts, event, paint);
}

/** The last word on a run in which something was to be made; empty if nothing was. */
export function finishedLines(event: EventOf<'finished'>, paint: Paint): string[] {
  const { built, madeElsewhere, substituted, failed } = event;
  const parts = [
    substituted > 0 ? `${substituted} copied` : '',
    built > 0 ? `${built} built` : '',
    madeElsewhere > 0 ? `${madeElsewhere} made by another process` : '',
    failed > 0 ? `${failed} failed` : '',
  ].filter(Boolean);
  return lastLines(parts, event, paint);
}

function lastLines(
  parts: readonly string[],
  event: EventOf<'finished' | 'check.finished'>,
  paint: Paint,
): string[] {
  const summary = parts.length > 0 ? [`${parts.join(', ')} in ${formatDuration(event.milliseconds)}`] : [];
  return [...summary, ...wantedFailedLines(event, paint)];
}

/** Nix's last word where several things that were asked for have failed; otherwise empty. */
export function wantedFailedLines(event: EventOf<'finished' | 'check.finished'>, paint: Paint): string[] {
  const message = wantedFailedMessage(event);
  return message === undefined ? [] : [`${paint('red', 'error:')} ${message}`];
}

/** The same without its mark; undefined where there is none. */
export function wantedFailedMessage({
  wantedFailed,
}: EventOf<'finished' | 'check.finished'>): string | undefined {
  if (wantedFailed.length < 2) return undefined;
  return `build of ${wantedFailed.map((path) => `'${plainText(path)}'`).join(', ')} failed`;
}

/** `hello-2.12` of `/nix/store/<hash>-hello-2.12.drv`: for prefixes and rows, where the whole path is too long. */
export function shortName(drvPath: string): string {
  const base = drvPath.slice(drvPath.lastIndexOf('/') + 1).replace(/\.drv$/, '');
  return plainText(base.replace(/^[0-9a-z]{32}-/, ''));
}
