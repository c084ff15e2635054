import type { BuildEvent } from '../base/events.js';

/** Turns the events of one run into something to read, on one stream. */
export interface Reporter {
  /** Never throws. */
  handle(event: BuildEvent): void;
  /** Takes down whatever was live. Nothing is written afterwards. */
  close(): void;
}

/** The stream a reporter writes to: process.stderr, or a stand-in. */
export interface ReportStream {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
}

export interface ReporterOptions {
  readonly stream: ReportStream;
  readonly colours: boolean;
  /** Show what builders write while they write it (`-L`). */
  readonly printBuildLogs: boolean;
  /** Unix milliseconds; replaced in tests. */
  readonly now?: () => number;
}

export const progressStyles = ['auto', 'tty', 'plain', 'json', 'nix-json', 'quiet'] as const;
export type ProgressStyle = (typeof progressStyles)[number];

/**
 * The reporter for a style. `auto` is `tty` on a terminal that can move its cursor and is not a CI system's, and
 * `plain` everywhere else. Only the chosen one is loaded.
 */
export async function createReporter(
  style: ProgressStyle,
  options: ReporterOptions & { readonly env: Readonly<Record<string, string | undefined>> },
): Promise<Reporter> {
  switch (style === 'auto' ? autoStyle(options.stream, options.env) : style) {
    case 'tty':
      return new (await import('./tty.js')).TtyReporter(options);
    case 'json':
      return new (await import('./json.js')).JsonReporter(options);
    case 'nix-json':
      return new (await import('./nix-json.js')).NixJsonReporter(options);
    case 'quiet':
      return new (await import('./quiet.js')).QuietReporter(options);
    default:
      return new (await import('./plain.js')).PlainReporter(options);
  }
}

export function autoStyle(
  stream: Pick<ReportStream, 'isTTY'>,
  env: Readonly<Record<string, string | undefined>>,
): 'tty' | 'plain' {
  return stream.isTTY && env['TERM'] !== 'dumb' && !env['CI'] ? 'tty' : 'plain';
}
