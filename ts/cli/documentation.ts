import { settingsPage } from '../config/settings-page.js';
import type { Command } from './command.js';
import { commonFlags } from './common-flags.js';
import { flagRow, usageLine } from './help.js';
import { verbs } from './verbs.js';

/** The pages of `docs/` that are made from tables: text by file name. */
export async function generatedPages(): Promise<ReadonlyMap<string, string>> {
  return new Map([
    ['settings.md', settingsPage()],
    ['command-line.md', await commandLinePage()],
  ]);
}

async function commandLinePage(): Promise<string> {
  const sections: string[] = [];
  for (const { load } of verbs) {
    const loaded = await load();
    sections.push(...('commands' in loaded ? loaded.commands : [loaded]).map(section));
  }
  return [introduction, ...sections].join('\n\n').concat('\n');
}

const introduction = `# Command line

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

function flagList(flags: Command['flags']): string {
  return flags
    .map(flagRow)
    .map(([left, right]) => `- \`${left}\`: ${right}`)
    .join('\n');
}
