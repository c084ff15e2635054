import { errorCatalogue } from '../base/errors.js';
import { settingsPage } from '../config/settings-page.js';
import type { ClassicProgram, Command } from './command.js';
import { commonFlags } from './common-flags.js';
import { flagRow, usageLine } from './help.js';
import { verbs } from './verbs.js';

/** The pages of `docs/` that are made from tables: text by file name. */
export async function generatedPages(): Promise<ReadonlyMap<string, string>> {
  return new Map([
    ['settings.md', settingsPage()],
    ['command-line.md', await commandLinePage()],
    ['errors.md', errorsPage()],
  ]);
}

function errorsPage(): string {
  const rows = Object.entries(errorCatalogue).map(([code, { exitStatus, hint }]) => {
    return [`\`${code}\``, `${exitStatus}`, hint.replaceAll('|', '\\|')] as const;
  });
  const head = ['code', 'exit status', 'usual hint'] as const;
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]!.length)));
  const line = ([code, exitStatus, hint]: readonly [string, string, string]) => {
    return `| ${code.padEnd(widths[0]!)} | ${exitStatus.padStart(widths[1]!)} | ${hint.padEnd(widths[2]!)} |`;
  };
  const [first, second, third] = widths.map((width) => '-'.repeat(width));
  const rule = `| ${first} | ${second!.slice(1)}: | ${third} |`;
  return [errorsIntroduction, '', line(head), rule, ...rows.map(line)].join('\n').concat('\n');
}

const errorsIntroduction = `# Errors

<!-- Generated from ts/base/errors.ts by \`npm run docs\`; edit the table there, not this page. -->

Every failure has one of these codes, in the library (\`AirplantError\`, or \`error\` of a build's result) and in JSON
output. Codes and exit statuses are stable. The command line exits with the status of what failed; several failed builds
are combined by bits, as Nix does. Nix's own statuses are kept: 100 for a build that failed, 101 for one that took too
long, 102 for an output with another hash than promised, 104 for one that came out differently a second time. After a
signal the status is 128 and its number, as in a shell.

An error has a message of one sentence with the offending value, and a hint. The hint here is the usual one; an error
may have a more exact one of its own.`;

async function commandLinePage(): Promise<string> {
  const sections: string[] = [];
  for (const { load } of verbs) {
    const loaded = await load();
    if ('runClassic' in loaded) sections.push(classicSection(loaded));
    else sections.push(...('commands' in loaded ? loaded.commands : [loaded]).map(section));
  }
  return [commandLineIntroduction, ...sections].join('\n\n').concat('\n');
}

const commandLineIntroduction = `# Command line

<!-- Generated from ts/cli/verbs.ts and ts/cli/commands/ by \`npm run docs\`; edit those, not this page. -->

Results go to standard output, everything for people to standard error. Flags may stand before or after operands
(\`run\` excepted); \`--\` ends them, and flags of one letter can be joined: \`-kj4\`.

Every command has these flags:

${flagList(commonFlags)}

The exit status is 0 for success, 2 for wrong usage, 130 after an interrupt, and 1 for other failures; \`build\` has
more, as described there. The first interrupt stops builds and leaves the store tidy, a second one ends at once.

\`--progress auto\` shows running builds in place on a terminal and prints a line for each change elsewhere, as it also
does if \`CI\` is set or \`TERM\` is \`dumb\`. \`json\` writes an object a line, \`{"v":1,"t":MILLISECONDS,"type":…}\`.

These environment variables matter besides those of [settings](settings.md):

- \`NO_COLOR\` turns colours off, \`FORCE_COLOR\` on (or off, if it is \`0\`).
- \`AIRPLANT_DEBUG\` prints traces of errors and notes on settings that were ignored.
- \`XDG_CACHE_HOME\` holds \`airplant/stripped\`, TypeScript without its types.`;

function section(command: Command): string {
  const flags = command.flags.length > 0 ? `\n\n${flagList(command.flags)}` : '';
  const usage = usageLine(command).replace('Usage: ', '');
  return `## ${command.name}\n\n\`${usage}\`\n\n${command.description}${flags}`;
}

function classicSection({ name, operands, description }: ClassicProgram): string {
  return `## ${name}\n\n\`airplant ${name} ${operands}\`\n\n${description} See [classic.md](classic.md).`;
}

function flagList(flags: Command['flags']): string {
  return flags
    .map(flagRow)
    .map(([left, right]) => `- \`${left}\`: ${right}`)
    .join('\n');
}
