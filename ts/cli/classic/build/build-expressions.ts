import { resolve } from 'node:path';
import type { Wanted } from '../../../build/records.js';
import type { Store } from '../../../open.js';
import { plainCheck } from '../../check-wanted.js';
import type { CommandContext } from '../../command.js';
import { dryRun } from '../../dry-run.js';
import { makeResultLinks, type ResultLink } from '../../result-links.js';
import { tell } from '../../store-session.js';
import { watchRun } from '../../watch-run.js';
import type { BuildLine } from '../nix-build.js';
import { withWholeStore } from '../session.js';
import { derivationOperand } from './derivation-operand.js';
import { evaluate } from './evaluate.js';

/** One output of a derivation, as a line asks for it. */
export interface WantedOutput {
  readonly drvPath: string;
  readonly output: string;
}

/** Evaluates and builds what a line asks for, links the outputs and prints them. Returns the exit status. */
export async function buildExpressions(
  line: BuildLine,
  context: CommandContext,
  forEvaluation: readonly string[],
): Promise<number> {
  return await withWholeStore(context, async (store) => {
    const place = { cwd: context.cwd, local: store.local };
    const found: WantedOutput[] = [];
    const files: string[] = [];
    for (const operand of line.operands) {
      const derivation = line.expressions ? undefined : derivationOperand(operand, place);
      if (derivation) found.push(derivation);
      else files.push(operand);
    }
    if (files.length > 0 || line.operands.length === 0) {
      const words = [
        ...forEvaluation,
        ...(line.expressions ? ['--expr'] : []),
        ...line.attributes.flatMap((attribute) => ['--attr', attribute]),
        ...files,
      ];
      const evaluated = await evaluate(words, store, context);
      if (typeof evaluated === 'number') return evaluated;
      found.push(...evaluated);
    }
    return await buildAll(found, line, store, context);
  });
}

async function buildAll(
  found: readonly WantedOutput[],
  line: BuildLine,
  store: Store,
  context: CommandContext,
): Promise<number> {
  const wanted = groupByDerivation(found);
  const how = { repair: line.repair };
  if (line.dryRun) return await dryRun(context, store, wanted, how);
  const { exitStatus } = line.check
    ? await watchRun(context, (signal) => store.check(wanted, { ...plainCheck, signal }))
    : await watchRun(context, (signal) => store.build(wanted, { ...how, signal }));
  if (exitStatus !== 0) return exitStatus;
  const paths = found.map(({ drvPath, output }) => store.local.derivationOutputs(drvPath).get(output)!);
  if (line.outLink !== undefined) {
    const links = resultLinks(found, paths, resolve(context.cwd, line.outLink));
    const notes = await makeResultLinks(links, store, context.cwd);
    if (notes.length > 0) tell(context, 'note', notes.join('\n'));
  }
  await context.stdout.write(paths.map((path) => `${path}\n`).join(''));
  return 0;
}

function groupByDerivation(found: readonly WantedOutput[]): Wanted[] {
  const outputs = new Map<string, Set<string>>();
  for (const { drvPath, output } of found) {
    outputs.set(drvPath, (outputs.get(drvPath) ?? new Set()).add(output));
  }
  return [...outputs].map(([drvPath, names]) => ({ kind: 'outputs', drvPath, outputs: [...names] }));
}

/** Numbers count derivations, in the order in which they first occur. */
function resultLinks(found: readonly WantedOutput[], paths: readonly string[], name: string): ResultLink[] {
  const numbers = new Map<string, number>();
  return found.map(({ drvPath, output }, index) => {
    if (!numbers.has(drvPath)) numbers.set(drvPath, numbers.size + 1);
    const number = numbers.get(drvPath)!;
    const suffix = `${number === 1 ? '' : `-${number}`}${output === 'out' ? '' : `-${output}`}`;
    return { link: `${name}${suffix}`, path: paths[index]! };
  });
}
