import { StringDecoder } from 'node:string_decoder';

/** What a builder's terminal said: a line of text without its newline, or the name of the phase it has entered. */
export type LogItem =
  | { readonly kind: 'line'; readonly text: string }
  | { readonly kind: 'phase'; readonly name: string };

/** A line longer than this many characters is shown in pieces, so that a log without newlines stays bounded. */
const longestLine = 16 * 1024;

/**
 * Cuts the raw chunks of one builder's log into lines. Bytes that are not UTF-8 become U+FFFD; the lines are *not*
 * yet safe to show (base/terminal-filter.ts). Lines `@nix {…}` are messages to Nix and not part of the text; of them only
 * `setPhase` is understood, the others are dropped, as nothing a builder claims about activities can be trusted.
 */
export class LogLines {
  readonly #decoder = new StringDecoder('utf8');
  #rest = '';

  push(chunk: Uint8Array): LogItem[] {
    return this.#cut(
      this.#rest + this.#decoder.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)),
    );
  }

  /** The last line, if it lacks its newline. */
  end(): LogItem[] {
    const items = this.#cut(this.#rest + this.#decoder.end());
    const rest = this.#rest;
    this.#rest = '';
    return rest === '' ? items : [...items, ...lineItem(rest)];
  }

  #cut(text: string): LogItem[] {
    const items: LogItem[] = [];
    let start = 0;
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', start)) {
      items.push(...pieces(text.slice(start, end)).flatMap(lineItem));
      start = end + 1;
    }
    const whole = pieces(text.slice(start));
    this.#rest = whole.pop()!;
    items.push(...whole.flatMap(lineItem));
    return items;
  }
}

function pieces(line: string): string[] {
  if (line.length <= longestLine) return [line];
  const parts: string[] = [];
  for (let at = 0; at < line.length; at += longestLine) parts.push(line.slice(at, at + longestLine));
  return parts;
}

function lineItem(raw: string): LogItem[] {
  const text = raw.endsWith('\r') ? raw.slice(0, -1) : raw;
  if (!text.startsWith('@nix ')) return [{ kind: 'line', text }];
  const phase = phaseOf(text.slice('@nix '.length));
  return phase === undefined ? [] : [{ kind: 'phase', name: phase }];
}

function phaseOf(json: string): string | undefined {
  try {
    const message: unknown = JSON.parse(json);
    if (typeof message !== 'object' || message === null) return undefined;
    const { action, phase } = message as { action?: unknown; phase?: unknown };
    return action === 'setPhase' && typeof phase === 'string' ? phase : undefined;
  } catch {
    return undefined;
  }
}
