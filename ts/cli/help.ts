import type { ClassicProgram, Command, CommandGroup, FlagDefinition } from './command.js';
import { commonFlags } from './common-flags.js';
import type { Verb } from './verbs.js';

const textWidth = 80;

/** `airplant --help`. */
export function programHelp(verbs: readonly Verb[]): string {
  return `Usage: airplant VERB [FLAG]... [OPERAND]...

Sealed, checkable, Nix-compatible builds as an ordinary user.

Verbs:
${table(verbs.map(({ name, summary }) => [name, summary]))}

Flags:
${table(commonFlags.map(flagRow))}

\`airplant VERB --help\` explains a verb.
`;
}

/** `airplant VERB --help` for a verb of several commands. */
export function groupHelp(group: CommandGroup): string {
  const rows = group.commands.map((command): Row => {
    return [`${command.name} ${command.operands}`, firstParagraph(command.description)];
  });
  return `Usage: airplant ${group.name} COMMAND [FLAG]... [OPERAND]...

Commands:
${table(rows)}

\`airplant ${group.name} COMMAND --help\` explains a command.
`;
}

/** `airplant VERB --help`. */
export function commandHelp(command: Command): string {
  return `${usageLine(command)}

${paragraphs(command.description)}

Flags:
${table([...command.flags, ...commonFlags].map(flagRow))}
`;
}

/** `nix-store --help`. */
export function classicHelp({ name, operands, description }: ClassicProgram): string {
  return `Usage: ${name} ${operands}\n\n${paragraphs(description)}\n`;
}

export function usageLine(command: Command): string {
  return `Usage: airplant ${command.name} [FLAG]... ${command.operands}`.trimEnd();
}

type Row = readonly [left: string, right: string];

/** `-j, --max-jobs N` and what it is for. */
export function flagRow(flag: FlagDefinition): Row {
  const short = flag.short ? `-${flag.short}, ` : '';
  const name = flag.negatable ? `--[no-]${flag.long}` : `--${flag.long}`;
  return [[`${short}${name}`, ...(flag.values ?? [])].join(' '), flag.summary];
}

export function firstParagraph(text: string): string {
  return text.split('\n\n', 1)[0]!;
}

/** Two columns; a left side that is too wide gets a line of its own. */
function table(rows: readonly Row[]): string {
  const widest = Math.min(30, Math.max(...rows.map(([left]) => left.length)));
  return rows
    .flatMap(([left, right]) => {
      const lines = wrap(right, textWidth - widest - 4).map((line) => ' '.repeat(widest + 4) + line);
      if (left.length > widest) return [`  ${left}`, ...lines];
      return [`  ${left.padEnd(widest)}  ${lines[0]?.trimStart() ?? ''}`.trimEnd(), ...lines.slice(1)];
    })
    .join('\n');
}

function paragraphs(text: string): string {
  return text
    .split('\n\n')
    .map((paragraph) => wrap(paragraph, textWidth).join('\n'))
    .join('\n\n');
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(/\s+/)) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}
