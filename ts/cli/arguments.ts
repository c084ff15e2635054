import { AirplantError } from '../base/errors.js';
import { nearestWord } from '../base/nearest.js';
import type { Command, FlagDefinition } from './command.js';

/** A flag as it was given; `on` is false for `--no-NAME`. */
export interface FlagOccurrence {
  readonly name: string;
  readonly on: boolean;
  readonly values: readonly string[];
}

/** The arguments of one command. Asking for a flag the command does not define is a RangeError. */
export class ParsedArguments {
  readonly operands: readonly string[];
  /** In the order given. */
  readonly occurrences: readonly FlagOccurrence[];
  readonly #known: ReadonlySet<string>;

  constructor(parsed: {
    operands: readonly string[];
    occurrences: readonly FlagOccurrence[];
    known: Iterable<string>;
  }) {
    this.operands = parsed.operands;
    this.occurrences = parsed.occurrences;
    this.#known = new Set(parsed.known);
  }

  /** Whether a flag is on; the last occurrence counts. */
  has(name: string): boolean {
    return this.choice(name) ?? false;
  }

  /** The same, but undefined where neither the flag nor its negation was given. */
  choice(name: string): boolean | undefined {
    return this.#all(name).at(-1)?.on;
  }

  /** The value of a flag that takes one; the last occurrence counts. */
  value(name: string): string | undefined {
    return this.#all(name).at(-1)?.values[0];
  }

  #all(name: string): FlagOccurrence[] {
    if (!this.#known.has(name)) throw new RangeError(`no flag is called ${name}`);
    return this.occurrences.filter((occurrence) => occurrence.name === name);
  }
}

/**
 * Reads the arguments of a command: `--flag`, `--flag VALUE…`, `--flag=VALUE`, `--no-flag`, `-f`, `-fg`, `-fVALUE`,
 * `-f VALUE`, and `--` before operands that begin with a dash. (node:util's parseArgs knows neither flags with two
 * values, `--option NAME VALUE`, nor a command whose first operand ends its flags.)
 *
 * Throws ERR_USAGE naming the command and, for an unknown flag, the one that was probably meant. `--help`
 * and `--version` end the reading, so that help can be had for a line that is not right yet.
 */
export function parseArguments(command: Command, argv: readonly string[]): ParsedArguments {
  const parser = new Parser(command, argv);
  parser.run();
  const known = command.flags.map((flag) => flag.long);
  const parsed = new ParsedArguments({ operands: parser.operands, occurrences: parser.occurrences, known });
  if (!asksForHelp(parser.occurrences)) checkOperandCount(command, parser.operands.length);
  return parsed;
}

class Parser {
  readonly operands: string[] = [];
  readonly occurrences: FlagOccurrence[] = [];
  readonly #command: Command;
  readonly #rest: string[];

  constructor(command: Command, argv: readonly string[]) {
    this.#command = command;
    this.#rest = [...argv].reverse();
  }

  run(): void {
    for (let word = this.#rest.pop(); word !== undefined; word = this.#rest.pop()) {
      if (word === '--') {
        this.#takeRest();
      } else if (word.startsWith('--')) {
        this.#longFlag(word);
      } else if (word.startsWith('-') && word !== '-') {
        this.#shortFlags(word);
      } else {
        this.operands.push(word);
        if (this.#command.passThrough) this.#takeRest();
      }
      if (asksForHelp(this.occurrences)) return;
    }
  }

  #takeRest(): void {
    while (this.#rest.length > 0) this.operands.push(this.#rest.pop()!);
  }

  #longFlag(word: string): void {
    const equals = word.indexOf('=');
    const name = word.slice(2, equals < 0 ? undefined : equals);
    const negated = this.#command.flags.find((flag) => flag.negatable && `no-${flag.long}` === name);
    const flag = negated ?? this.#command.flags.find(({ long }) => long === name);
    if (!flag) throw this.#unknown(`--${name}`);
    if (equals < 0) {
      this.#occur(flag, word, { on: !negated });
      return;
    }
    const count = negated ? 0 : (flag.values?.length ?? 0);
    if (count !== 1) {
      throw this.#usage(
        `flag '--${name}' takes ${count === 0 ? 'no value' : `${count} values, without '='`}`,
      );
    }
    this.#push(flag, true, [word.slice(equals + 1)]);
  }

  #shortFlags(word: string): void {
    for (let at = 1; at < word.length; at++) {
      const letter = word[at]!;
      const flag = this.#command.flags.find(({ short }) => short === letter);
      if (!flag) throw this.#unknown(`-${letter}`);
      const attached = word.slice(at + 1);
      if (flag.values?.length === 1 && attached !== '') {
        this.#push(flag, true, [attached]);
        return;
      }
      this.#occur(flag, `-${letter}`, { on: true });
    }
  }

  #occur(flag: FlagDefinition, written: string, { on }: { on: boolean }): void {
    const values: string[] = [];
    for (const name of (on && flag.values) || []) {
      const value = this.#rest.pop();
      if (value === undefined) {
        throw this.#usage(`flag '${written}' needs ${flag.values!.join(' and ')}, and ${name} is missing`);
      }
      values.push(value);
    }
    this.#push(flag, on, values);
  }

  #push(flag: FlagDefinition, on: boolean, values: readonly string[]): void {
    const [value] = values;
    if (flag.choices && value !== undefined && !flag.choices.includes(value)) {
      const wanted = flag.choices.join(', ');
      throw this.#usage(`flag '--${flag.long}' cannot be '${value}': it is one of ${wanted}`);
    }
    this.occurrences.push({ name: flag.long, on, values });
  }

  #unknown(written: string): AirplantError {
    const candidates = this.#command.flags.flatMap((flag) => [
      `--${flag.long}`,
      ...(flag.negatable ? [`--no-${flag.long}`] : []),
    ]);
    const nearest = nearestWord(written, candidates);
    const meant = nearest ? `; did you mean '${nearest}'?` : '';
    return this.#usage(`unknown flag '${written}' for 'airplant ${this.#command.name}'${meant}`);
  }

  #usage(message: string): AirplantError {
    return new AirplantError('ERR_USAGE', message, {
      hint: `See \`airplant ${this.#command.name} --help\`.`,
    });
  }
}

function asksForHelp(occurrences: readonly FlagOccurrence[]): boolean {
  const last = occurrences.at(-1)?.name;
  return last === 'help' || last === 'version';
}

function checkOperandCount(command: Command, given: number): void {
  const { min, max } = command.operandCount;
  if (given >= min && given <= max) return;
  const wanted =
    max === 0
      ? 'no operands'
      : min === max
        ? `exactly ${min}`
        : given < min
          ? `at least ${min}`
          : `at most ${max}`;
  const what = max === 0 ? '' : `, ${command.operands}`;
  throw new AirplantError('ERR_USAGE', `'airplant ${command.name}' takes ${wanted}${what}; ${given} given`, {
    hint: `See \`airplant ${command.name} --help\`.`,
  });
}
