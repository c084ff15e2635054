import { AirplantError } from '../base/errors.js';
import { quote } from '../base/quote.js';

/** An item of the setting `substituters`. */
export interface SubstituterUri {
  /** The item itself. */
  readonly uri: string;
  /** The store, in the terms of the setting `store`. */
  readonly store: string;
  readonly trusted: boolean;
  readonly priority: number | undefined;
}

/**
 * Reads `STORE[?trusted=1&priority=N]`; other parameters are the store's own, as in `local?root=DIRECTORY`.
 * Throws ERR_SETTING for a priority that is no whole number and a `trusted` that is neither true nor false.
 */
export function parseSubstituterUri(uri: string): SubstituterUri {
  const mark = uri.indexOf('?');
  const items = mark < 0 ? [] : uri.slice(mark + 1).split('&');
  const parameter = (name: string) => {
    const item = items.findLast((one) => one.startsWith(`${name}=`));
    return item === undefined ? undefined : item.slice(name.length + 1);
  };
  const own = items.filter((item) => item !== '' && !/^(?:trusted|priority)=/.test(item));
  const base = mark < 0 ? uri : uri.slice(0, mark);
  return {
    uri,
    store: own.length === 0 ? base : `${base}?${own.join('&')}`,
    trusted: readBoolean(uri, parameter('trusted') ?? 'false'),
    priority: readPriority(uri, parameter('priority')),
  };
}

/** Nix's words for true and false. */
function readBoolean(uri: string, text: string): boolean {
  if (['true', 'yes', '1'].includes(text)) return true;
  if (['false', 'no', '0'].includes(text)) return false;
  throw malformed(uri, `trusted is ${quote(text)}, which is neither true nor false`);
}

function readPriority(uri: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const priority = /^-?\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isNaN(priority)) throw malformed(uri, `priority is ${quote(text)}, which is no whole number`);
  return priority;
}

function malformed(uri: string, why: string): AirplantError {
  return new AirplantError('ERR_SETTING', `the substituter ${quote(uri)} makes no sense: ${why}`, {
    details: { uri },
  });
}
