import type { Wanted } from '../build/records.js';
import { plainText, planLines } from '../report/messages.js';
import type { CommandContext } from './command.js';
import type { OpenStore, RepairOptions } from './engine.js';
import { writeJson } from './output.js';

/** Says what building or repairing would do; as JSON if so asked. Returns the exit status. */
export async function dryRun(
  context: CommandContext,
  store: OpenStore,
  wanted: readonly Wanted[],
  options: RepairOptions,
): Promise<number> {
  const { build, substitute, valid, unknown } = await store.plan(wanted, options);
  const drvPaths = build.map((step) => step.drvPath);
  const lines = planLines({ build: drvPaths, substitute });
  if (unknown.length > 0) {
    lines.push("don't know how to build these paths:", ...unknown.map((path) => `  ${plainText(path)}`));
  }
  if (lines.length > 0) context.stderr.write(`${lines.join('\n')}\n`);
  if (context.args.has('json')) {
    const steps = build.map(({ drvPath, missing, dependsOn }) => ({ drvPath, missing, dependsOn }));
    await writeJson(context.stdout, { build: steps, substitute, valid, unknown });
  }
  return 0;
}
