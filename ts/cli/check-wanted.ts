import type { CheckOptions, CheckResult } from '../build/check/records.js';
import type { Wanted } from '../build/records.js';
import { renderDifferenceReport } from './check-report.js';
import type { CommandContext } from './command.js';
import type { OpenStore } from './engine.js';
import { writeJson } from './output.js';
import { watchRun } from './watch-run.js';

/** One rebuild, by Nix's rule: nothing is built that was not built before. */
export const plainCheck: CheckOptions = { rounds: 1, buildMissing: false, vary: [], diffoscope: false };

/** Checks derivations and prints what came of it: the outputs that are the same, a line each, or all as JSON. */
export async function checkWanted(
  context: CommandContext,
  store: OpenStore,
  wanted: readonly Wanted[],
  checking: CheckOptions,
): Promise<number> {
  const { args, stdout } = context;
  const report = await watchRun(context, (signal) => store.check(wanted, { ...checking, signal }));
  if (args.has('json')) {
    await writeJson(stdout, report.results);
  } else {
    const text = [...limitations(report.results), ...report.results.flatMap(explanation)];
    context.stderr.write(text.join(''));
    await stdout.write(report.results.flatMap(sameOutputs).join(''));
  }
  return report.exitStatus;
}

/** What was varied, but not for every program. */
function limitations(results: readonly CheckResult[]): string[] {
  const notes = results
    .flatMap(({ rounds }) => rounds)
    .flatMap(({ partlyVaried }) => partlyVaried.map(({ variation, what }) => `note: ${variation} ${what}\n`));
  return [...new Set(notes)];
}

/** What differs and why, for people. */
function explanation({ rounds, report }: CheckResult): string[] {
  const notVaried = new Map(
    rounds.flatMap(({ notVaried }) => notVaried.map(({ variation, why }) => [variation, why])),
  );
  return [
    ...[...notVaried].map(([variation, why]) => `note: ${variation} was not varied: ${why}\n`),
    ...(report ? [renderDifferenceReport(report)] : []),
  ];
}

function sameOutputs({ outputs }: CheckResult): string[] {
  return outputs.flatMap(({ path, kept }) => (kept === undefined ? [`${path}\n`] : []));
}
