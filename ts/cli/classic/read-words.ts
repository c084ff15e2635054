import { plainText } from '../../report/messages.js';
import { type GlobalFlag, globalFlags } from './global-flags.js';
import { GlobalOptions } from './global-options.js';
import { usage } from './usage.js';

/**
 * What a program makes of a word that is no global flag. `next` takes the word after it. False: it does not know the
 * word; `stop`: what follows does not matter (`--help`).
 */
export type TakeWord = (word: string, next: () => string) => boolean | 'stop';

/**
 * Reads a command line in the way of Nix 2.8's old commands: flags anywhere, `-qR` for `-q -R`, `-j3` for `-j 3`,
 * values in words of their own (`--flag=value` is no flag). `--` only keeps the words after it from being global flags.
 *
 * Throws ERR_USAGE in Nix's words.
 */
export function readWords(
  argv: readonly string[],
  take: TakeWord,
  more: Iterable<readonly [string, GlobalFlag]> = [],
): GlobalOptions {
  const flags = new Map([...globalFlags(), ...more]);
  const options = new GlobalOptions();
  const rest = [...argv].reverse();
  let dashes = false;
  for (let whole = rest.pop(); whole !== undefined; whole = rest.pop()) {
    if (!dashes && whole === '--') {
      dashes = true;
      continue;
    }
    const [word, ...parts] = dashes ? [whole] : splitWord(whole);
    rest.push(...parts.reverse());
    const flag = dashes ? undefined : flags.get(word!);
    if (flag) {
      flag.apply(options, takeValues(word!, flag.values, rest));
      continue;
    }
    const taken = take(word!, () => {
      const value = rest.pop();
      if (value === undefined) throw usage(`'${plainText(word!)}' requires an argument`);
      return value;
    });
    if (taken === 'stop') break;
    if (!taken) throw usage(`${dashes ? 'unexpected argument' : 'unrecognised flag'} '${plainText(word!)}'`);
  }
  return options;
}

/** Joined letters, each as a flag; what follows the last letter is its value. */
function splitWord(word: string): readonly string[] {
  if (!/^-[a-z]./i.test(word)) return [word];
  const letters = /^[a-z]+/i.exec(word.slice(1))![0];
  const value = word.slice(1 + letters.length);
  return [...[...letters].map((letter) => `-${letter}`), ...(value === '' ? [] : [value])];
}

function takeValues(word: string, count: number, rest: string[]): string[] {
  const values = rest.splice(Math.max(0, rest.length - count)).reverse();
  if (values.length < count) throw usage(`flag '${word}' requires ${count} argument(s)`);
  return values;
}
