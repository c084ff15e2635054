import { resolve } from 'node:path';
import { AirplantError } from '../../base/errors.js';
import type { BuildReport } from '../../build/builder.js';
import { describeOrigin, type SettingsLayer } from '../../config/load.js';
import { checkWanted, plainCheck } from '../check-wanted.js';
import type { Command, CommandContext } from '../command.js';
import { jsonFlag, progressFlags } from '../common-flags.js';
import { dryRun } from '../dry-run.js';
import type { OpenStore } from '../engine.js';
import { writeJson } from '../output.js';
import { settingFlags, storeFlags } from '../setting-flags.js';
import { tell } from '../store-session.js';
import { watchRun } from '../watch-run.js';
import { withWanted } from '../with-wanted.js';

export const buildCommand: Command = {
  name: 'build',
  operands: '[SOURCE]...',
  operandCount: { min: 0, max: Number.POSITIVE_INFINITY },
  description: `Builds derivations and prints their output paths, if all could be built.

A SOURCE is a \`.drv\` (\`x.drv!out,dev\` for some of its outputs), a derivation as JSON, a module (.ts, .mts, .js, .mjs) whose default export is a derivation or a list of them, a directory with such a module named default.mts, default.ts, default.mjs or default.js, or a store path. Without one it is the current directory.

A module may also export \`settings\`, which are announced; the command line overrides them. A .drv or JSON cannot change any setting.

With --repair, the outputs and all they refer to are read, and what is damaged or gone is copied from a substituter or built again. \`airplant repair\` does the same and makes no links.

Links to the outputs are made in the current directory: result, result-2 for the second derivation, result-dev for the output dev. They keep the outputs from being collected as garbage.

Exit status: 0 if everything was built, 100 if a build failed, 101 if one took too long, 102 if an output has another hash than the one it was declared with; 104 if \`--check\` found a difference; several of these are combined as Nix combines them. 1 for other failures, 2 for wrong usage.`,
  flags: [
    ...storeFlags,
    ...settingFlags,
    { long: 'dry-run', summary: 'say what would be built, and build nothing' },
    { long: 'repair', summary: 'read what is valid, and make again what is damaged' },
    { long: 'out-link', short: 'o', values: ['NAME'], summary: 'name of the links instead of `result`' },
    { long: 'no-link', summary: 'make no links' },
    { long: 'check', summary: 'build again what is valid, and compare; see `airplant check`' },
    ...progressFlags,
    jsonFlag,
  ],
  run: build,
};

async function build(context: CommandContext): Promise<number> {
  const { args } = context;
  if (args.has('check') && args.has('repair')) {
    throw new AirplantError('ERR_USAGE', '--check and --repair cannot be had at once', {
      hint: 'A check leaves the store as it is: repair first, then check.',
    });
  }
  const operands = args.operands.length > 0 ? args.operands : ['.'];
  return await withWanted(context, operands, async ({ store, wanted, moduleSettings }) => {
    const how = { repair: args.has('repair') };
    if (args.has('dry-run')) return await dryRun(context, store, wanted, how);
    if (args.has('check')) return await checkWanted(context, store, wanted, plainCheck);
    const report = await watchRun(context, (signal) => store.build(wanted, { ...how, signal }));
    await printResults(context, report, moduleSettings);
    if (report.exitStatus === 0 && !args.has('no-link')) await linkResults(context, store, report);
    return report.exitStatus;
  });
}

/**
 * Output paths one a line, like nix-build only if everything was built; or everything there is to know about each
 * result as JSON, whatever became of it.
 */
async function printResults(
  { args, stdout }: CommandContext,
  report: BuildReport,
  layers: readonly SettingsLayer[],
): Promise<void> {
  if (!args.has('json')) {
    const results = report.exitStatus === 0 ? report.results : [];
    const paths = results.flatMap(({ outputs }) => Object.values(outputs));
    if (paths.length > 0) await stdout.write(`${paths.join('\n')}\n`);
    return;
  }
  const moduleSettings = layers.map(({ origin, values }) => ({
    from: describeOrigin(origin),
    settings: Object.fromEntries(values),
  }));
  const results = report.results.map(({ wanted, ...result }) => ({
    ...(wanted.kind === 'path' ? { path: wanted.path } : { drvPath: wanted.drvPath }),
    ...result,
    ...(moduleSettings.length > 0 ? { moduleSettings } : {}),
  }));
  await writeJson(stdout, results);
}

async function linkResults(context: CommandContext, store: OpenStore, report: BuildReport): Promise<void> {
  const { makeResultLinks, resultLinks } = await import('../result-links.js');
  const name = resolve(context.cwd, context.args.value('out-link') ?? 'result');
  const notes = await makeResultLinks(resultLinks(report.results, name), store, context.cwd);
  if (notes.length > 0) tell(context, 'note', notes.join('\n'));
}
