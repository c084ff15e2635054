/**
 * What a line of a builder's log that begins with `@nix ` asks for. Nothing in it is to be trusted: ids are the builder's
 * own, and texts may hold anything.
 */
export type BuilderMessage =
  | { readonly action: 'phase'; readonly name: string }
  | { readonly action: 'message'; readonly level: number; readonly text: string }
  /** It has begun to download something. */
  | {
      readonly action: 'start';
      readonly id: number;
      readonly level: number;
      readonly text: string;
      readonly fields: readonly (number | string)[];
    }
  | {
      readonly action: 'progress';
      readonly id: number;
      readonly done: number;
      readonly expected: number;
      readonly running: number;
      readonly failed: number;
    }
  | { readonly action: 'stop'; readonly id: number }
  /** One of Nix's that means nothing here. It is no text either. */
  | { readonly action: 'none' };

/** Codes of Nix's activities and results (`logging.hh`): the only ones that a builder's word is taken for. */
const fileTransfer = 101;
const progress = 105;

/**
 * Reads a line of a builder's log as a message for programs. Undefined if it is text: also if it begins like a message
 * and is none, as Nix shows those. Of activities only downloads are believed, as in Nix, and of results only how far
 * they are: a builder could otherwise pass itself off as other builds.
 */
export function parseBuilderMessage(line: string): BuilderMessage | undefined {
  if (!line.startsWith('@nix ')) return undefined;
  let message: unknown;
  try {
    message = JSON.parse(line.slice('@nix '.length));
  } catch {
    return undefined;
  }
  if (typeof message !== 'object' || message === null || Array.isArray(message)) return undefined;
  return meaningOf(message as Readonly<Record<string, unknown>>) ?? { action: 'none' };
}

function meaningOf(message: Readonly<Record<string, unknown>>): BuilderMessage | undefined {
  const { action, id, level, type, text, fields = [], phase, msg } = message;
  switch (action) {
    case 'setPhase':
      return typeof phase === 'string' ? { action: 'phase', name: phase } : undefined;
    case 'msg':
      return isLevel(level) && typeof msg === 'string' ? { action: 'message', level, text: msg } : undefined;
    case 'start': {
      if (type !== fileTransfer || !isCount(id) || !isLevel(level) || typeof text !== 'string')
        return undefined;
      return isFields(fields) ? { action: 'start', id, level, text, fields } : undefined;
    }
    case 'result': {
      if (type !== progress || !isCount(id) || !Array.isArray(fields) || !fields.every(isCount))
        return undefined;
      const [done = 0, expected = 0, running = 0, failed = 0] = fields;
      return { action: 'progress', id, done, expected, running, failed };
    }
    case 'stop':
      return isCount(id) ? { action: 'stop', id } : undefined;
    default:
      return undefined;
  }
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** From error to vomit. */
function isLevel(value: unknown): value is number {
  return isCount(value) && value <= 7;
}

function isFields(value: unknown): value is (number | string)[] {
  return Array.isArray(value) && value.every((field) => typeof field === 'string' || isCount(field));
}
