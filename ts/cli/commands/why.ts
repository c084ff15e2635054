import { quote } from '../../base/quote.js';
import type { Occurrence } from '../../store/why/occurrences.js';
import type { ExplainedReference } from '../../store/why/why-depends.js';
import type { Command, CommandContext } from '../command.js';
import { jsonFlag } from '../common-flags.js';
import { writeJson } from '../output.js';
import { storeFlags } from '../setting-flags.js';
import { resolveStoreOperand } from '../store-operand.js';
import { withStore } from '../store-session.js';

export const whyCommand: Command = {
  name: 'why',
  operands: 'PATH DEPENDENCY',
  operandCount: { min: 2, max: 2 },
  description: `Prints why a path depends on another: a shortest chain of references from the one to the other, and the files in which each was found.

Of each file the first place is shown: the byte at which the hash of what is referred to begins, and what is written around it. Either may be a link such as ./result.

With \`--all\` every reference that is part of some chain is printed, with all files.

Exit status: 0, or 1 if it does not depend on it.`,
  flags: [...storeFlags, { long: 'all', summary: 'all chains and all files' }, jsonFlag],
  run: why,
};

async function why(context: CommandContext): Promise<number> {
  const { args, cwd, stdout, stderr, interrupts } = context;
  return await withStore(context, async ({ local }) => {
    const [from, to] = args.operands.map(
      (operand) => resolveStoreOperand(operand, { cwd, directories: local.directories }).storePath,
    ) as [string, string];
    const all = args.has('all');
    const references = await local.whyDepends({ from, to }, { all, signal: interrupts.signal });
    if (args.has('json')) await writeJson(stdout, { from, to, references: references ?? null });
    else if (references) await stdout.write(lines(references).join(''));
    if (!references) stderr.write(`'${from}' does not depend on '${to}'\n`);
    return references ? 0 : 1;
  });
}

/** A path is named once for all that it refers to, and not again where the chain goes on from it. */
function lines(references: readonly ExplainedReference[]): string[] {
  let here: string | undefined;
  return references.flatMap(({ from, to, occurrences }, index) => {
    const previous = references[index - 1];
    const goesOn = from === here || previous?.to === from;
    here = from;
    const where =
      occurrences.length === 0 ? ['    registered, but found in no file\n'] : occurrences.map(line);
    return [...(goesOn ? [] : [`${from}\n`]), `→ ${to}\n`, ...where];
  });
}

function line({ file, place, offset, context }: Occurrence): string {
  const what = place === 'contents' ? `byte ${offset}` : place;
  return `    ${quote(file)}, ${what}: ${context}\n`;
}
