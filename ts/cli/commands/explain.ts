import { printable } from '../../base/quote.js';
import { quoteShell } from '../../base/quote-shell.js';
import type { Culprit } from '../../build/explain/culprit.js';
import type { Explanation } from '../../build/explain/explain-build.js';
import { plainText } from '../../report/messages.js';
import type { Command, CommandContext } from '../command.js';
import { jsonFlag, progressFlags } from '../common-flags.js';
import { writeJson } from '../output.js';
import { settingFlags, storeFlags } from '../setting-flags.js';
import { watchRun } from '../watch-run.js';
import { oneDerivation, withWanted } from '../with-wanted.js';

export const explainCommand: Command = {
  name: 'explain',
  operands: 'SOURCE',
  operandCount: { min: 1, max: 1 },
  description: `Builds a derivation that fails again, observes what its builder tries to reach, and says what the sandbox did not have.

A SOURCE is what \`build\` takes, and one derivation. What the builder needs is built first. The sandbox is as sealed as for any build; what is made in it is thrown away.

The most likely culprit comes first, each with what would cure it: a setting, an input, or a change to the builder. A failure that does not come from something missing is called that.

Exit status: 0 if the build was observed, whatever came of it.`,
  flags: [...storeFlags, ...settingFlags, ...progressFlags, jsonFlag],
  async run(context) {
    const { args } = context;
    return await withWanted(context, args.operands, async (found) => {
      const drvPath = await oneDerivation(found, args.operands[0]!);
      const explanation = await watchRun(context, (signal) => found.store.explain(drvPath, { signal }));
      await print(context, explanation);
      return 0;
    });
  },
};

async function print({ args, stdout }: CommandContext, explanation: Explanation): Promise<void> {
  if (args.has('json')) await writeJson(stdout, explanation);
  else await stdout.write(`${explanationLines(explanation).map(plainText).join('\n')}\n`);
}

/** The report for people, not yet safe to print. */
export function explanationLines({ error, culprits, more, forgotten }: Explanation): string[] {
  if (!error) return ['It did not fail this time, so there is nothing to explain.'];
  const likely = culprits.filter((culprit) => culprit.likely);
  const rest = culprits.filter((culprit) => !culprit.likely);
  const lines: string[] = [];
  if (likely.length === 0) {
    lines.push('Nothing that it missed in the sandbox looks like the reason: the log has to tell.');
  } else {
    lines.push('What it missed, most likely culprit first:');
    for (const [index, culprit] of likely.entries())
      lines.push('', ...culpritLines(culprit, `${index + 1}. `));
  }
  if (rest.length > 0) {
    lines.push('', 'Missing as well, which most builders do without:');
    lines.push(...rest.map(({ path }) => `  ${printable(path)}`));
  }
  if (more > 0) lines.push(`  and ${more} more`);
  if (forgotten > 0) lines.push('', `It tried too much: the first ${forgotten} things are forgotten.`);
  return lines;
}

function culpritLines({ what, cure, setting, tried }: Culprit, number: string): string[] {
  const indent = ' '.repeat(number.length);
  return [
    `${number}${what[0]!.toUpperCase()}${what.slice(1)}.`,
    ...tried.map((path) => `${indent}tried ${printable(path)}`),
    `${indent}${cure}`,
    ...(setting ? [`${indent}--option ${setting.name} ${quoteShell(setting.value)}`] : []),
  ];
}
