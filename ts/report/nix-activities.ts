import { escapeControls } from './json.js';
import type { ReportStream } from './reporter.js';

/** Codes of Nix's activities (`logging.hh`). */
export const activityTypes = {
  unknown: 0,
  copyPath: 100,
  fileTransfer: 101,
  realise: 102,
  copyPaths: 103,
  builds: 104,
  build: 105,
  optimiseStore: 106,
  verifyPaths: 107,
  substitute: 108,
  postBuildHook: 110,
  buildWaiting: 111,
} as const;

/** Codes of Nix's results. */
export const resultTypes = {
  buildLogLine: 101,
  setPhase: 104,
  progress: 105,
  setExpected: 106,
  postBuildLogLine: 107,
} as const;

/** Nix's levels. */
export const levels = { error: 0, warn: 1, info: 3, debug: 6 } as const;

/** Ids are larger than JavaScript's numbers are exact: process id times 2^32, plus a counter. */
export type ActivityId = bigint;

export const noActivity: ActivityId = 0n;

export type Fields = readonly (number | string)[];

/**
 * Writes Nix's `internal-json`: lines of `@nix ` and an object whose keys are in the order of the alphabet. As in Nix
 * from 2.18 on, `start` names the parent as well.
 */
export class NixActivities {
  readonly #stream: ReportStream;
  #next: ActivityId;

  constructor(stream: ReportStream, pid: number) {
    this.#stream = stream;
    this.#next = BigInt(pid) << 32n;
  }

  start(
    type: keyof typeof activityTypes,
    {
      level = levels.error,
      text = '',
      fields = [],
      parent = noActivity,
    }: {
      readonly level?: number;
      readonly text?: string;
      readonly fields?: Fields;
      readonly parent?: ActivityId;
    } = {},
  ): ActivityId {
    const id = this.#next++;
    const rest = [
      `"level":${level}`,
      `"parent":${parent}`,
      `"text":${json(text)}`,
      `"type":${activityTypes[type]}`,
    ];
    this.#write('start', [...fieldsOf(fields), `"id":${id}`, ...rest]);
    return id;
  }

  result(id: ActivityId, type: keyof typeof resultTypes, ...fields: Fields): void {
    this.#write('result', [...fieldsOf(fields), `"id":${id}`, `"type":${resultTypes[type]}`]);
  }

  stop(id: ActivityId): void {
    this.#write('stop', [`"id":${id}`]);
  }

  message(level: number, text: string): void {
    this.#write('msg', [`"level":${level}`, `"msg":${json(text)}`]);
  }

  /** In the form in which Nix tells errors; of no file that is evaluated. */
  error(text: string): void {
    const nowhere = ['"column":null', '"file":null', `"level":${levels.error}`, '"line":null'];
    const shown = `"msg":${json(`\x1b[31;1merror:\x1b[0m ${text}`)}`;
    this.#write('msg', [...nowhere, shown, `"raw_msg":${json(text)}`]);
  }

  #write(action: string, members: readonly string[]): void {
    this.#stream.write(`@nix {"action":"${action}",${members.join(',')}}\n`);
  }
}

function fieldsOf(fields: Fields): string[] {
  return fields.length === 0 ? [] : [`"fields":[${fields.map(json).join(',')}]`];
}

function json(value: string | number): string {
  return typeof value === 'number' ? String(value) : escapeControls(JSON.stringify(value.toWellFormed()));
}
