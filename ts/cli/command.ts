import type { Readable } from 'node:stream';
import type { ReportStream } from '../report/reporter.js';
import type { ParsedArguments } from './arguments.js';
import type { Engine } from './engine.js';
import type { Interrupts } from './interrupts.js';
import type { Output } from './output.js';

/** A flag as the parser, the help and the documentation see it. */
export interface FlagDefinition {
  /** Without the dashes. */
  readonly long: string;
  readonly short?: string;
  /** Names of the values that follow it; absent for a flag that is on or off. */
  readonly values?: readonly string[];
  /** Values it may take, if they can be listed. */
  readonly choices?: readonly string[];
  /** `--no-NAME` exists too. */
  readonly negatable?: boolean;
  readonly summary: string;
}

/** One verb, or one half of a two-word verb such as `nar dump`. */
export interface Command {
  /** As typed after `airplant`: `build`, `nar dump`. */
  readonly name: string;
  /** What follows the flags in the usage line: `[PATH]...`. */
  readonly operands: string;
  readonly operandCount: { readonly min: number; readonly max: number };
  /** Everything after the first operand belongs to another program and is not looked at. */
  readonly passThrough?: boolean;
  /** Paragraphs for `--help` and the documentation; the first is one sentence. */
  readonly description: string;
  readonly flags: readonly FlagDefinition[];
  /** Returns the exit status. */
  run(context: CommandContext): Promise<number>;
}

/** Several commands under one word. */
export interface CommandGroup {
  readonly name: string;
  readonly commands: readonly Command[];
}

/** A program of Nix's that airplant stands in for. It reads its words itself, and prints its errors, as that one does. */
export interface ClassicProgram {
  readonly name: string;
  /** What follows the name in the usage line. */
  readonly operands: string;
  /** Paragraphs for `--help` and the documentation; the first is one sentence. */
  readonly description: string;
  /** `argv` are the words after the name. Returns the exit status. */
  runClassic(argv: readonly string[], host: ProgramHost): Promise<number>;
}

/** Everything a command may touch. */
export interface CommandContext extends ProgramHost {
  readonly args: ParsedArguments;
}

/** The world as the program sees it: the real one in main.ts, a stand-in in tests. */
export interface ProgramHost {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Touched only by commands that read it: merely asking for it opens it. */
  stdin(): Readable;
  /** Results. */
  readonly stdout: Output;
  /** Everything for people. */
  readonly stderr: ReportStream;
  readonly interrupts: Interrupts;
  readonly engine: Engine;
}
