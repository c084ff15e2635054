import { StringDecoder } from 'node:string_decoder';
import { type BuilderMessage, parseBuilderMessage } from '../base/builder-message.js';
import { LineCutter, type LinePiece } from '../base/line-cutter.js';

/** What a builder's terminal said: a line of text without its newline, or a message for programs. */
export type LogItem =
  | { readonly kind: 'line'; readonly text: string }
  | { readonly kind: 'message'; readonly message: BuilderMessage };

/**
 * Cuts the raw chunks of one builder's log into lines. Bytes that are not UTF-8 become U+FFFD; the lines are *not*
 * yet safe to show (base/terminal-filter.ts). Lines `@nix {…}` are messages, and not part of the text.
 */
export class LogLines {
  readonly #decoder = new StringDecoder('utf8');
  readonly #cutter = new LineCutter();

  push(chunk: Uint8Array): LogItem[] {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    return this.#cutter.push(this.#decoder.write(bytes)).map(itemOf);
  }

  /** The last line, if it lacks its newline. */
  end(): LogItem[] {
    return [...this.#cutter.push(this.#decoder.end()), ...this.#cutter.end()].map(itemOf);
  }
}

/** Nix's level `info`: what it shows unless asked for more. */
const mostShownLevel = 3;

/** What people are to read of an item: a builder's messages are part of its log and of nothing else. Not yet safe to show. */
export function textOf(item: LogItem): string[] {
  if (item.kind === 'line') return [item.text];
  const { message } = item;
  return message.action === 'message' && message.level <= mostShownLevel ? message.text.split('\n') : [];
}

function itemOf({ text, whole }: LinePiece): LogItem {
  const message = whole ? parseBuilderMessage(text) : undefined;
  return message ? { kind: 'message', message } : { kind: 'line', text };
}
