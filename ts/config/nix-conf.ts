import { AirplantError } from '../base/errors.js';

/** One line of a configuration file that says something. `line` counts from 1. */
export type Statement =
  | { readonly kind: 'set'; readonly name: string; readonly value: string; readonly line: number }
  | {
      readonly kind: 'include';
      readonly path: string;
      /** `!include`: a file that does not exist is passed over. */
      readonly optional: boolean;
      readonly line: number;
    };

/**
 * The statements of a nix.conf, as Nix reads one: `#` starts a comment anywhere, words are separated by blanks,
 * and a line is `NAME = VALUE…`, `include FILE` or `!include FILE`. Runs of blanks inside a value become one space.
 *
 * `file` is only for messages. Throws ERR_SETTING with file and line for any other line.
 */
export function parseNixConf(text: string, file: string): Statement[] {
  const statements: Statement[] = [];
  for (const [index, whole] of text.split('\n').entries()) {
    const comment = whole.indexOf('#');
    const words = (comment < 0 ? whole : whole.slice(0, comment)).split(/[ \t\r]+/).filter(Boolean);
    if (words.length > 0) statements.push(parseLine(words, { file, line: index + 1 }));
  }
  return statements;
}

function parseLine(words: readonly string[], place: { file: string; line: number }): Statement {
  const [first, second, ...rest] = words as [string, ...string[]];
  const { line } = place;
  if (first === 'include' || first === '!include') {
    if (second === undefined || rest.length > 0) throw illegalLine(words, place, `'${first} FILE'`);
    return { kind: 'include', path: second, optional: first === '!include', line };
  }
  if (second !== '=') throw illegalLine(words, place, `'NAME = VALUE'`);
  return { kind: 'set', name: first, value: rest.join(' '), line };
}

function illegalLine(
  words: readonly string[],
  place: { file: string; line: number },
  expected: string,
): AirplantError {
  return new AirplantError(
    'ERR_SETTING',
    `illegal configuration line '${words.join(' ')}' in ${place.file}:${place.line}: expected ${expected}`,
    { details: { file: place.file, line: place.line } },
  );
}
