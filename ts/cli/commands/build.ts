import { resolve } from 'node:path';
import type { BuildReport } from '../../build/builder.js';
import type { Wanted } from '../../build/records.js';
import { describeOrigin, type SettingsLayer } from '../../config/load.js';
import { formatSettingValue } from '../../config/setting-value.js';
import type { SettingValue } from '../../config/settings.js';
import { wantsColours } from '../../report/colours.js';
import { plainText, planLines } from '../../report/messages.js';
import { createReporter, type ProgressStyle } from '../../report/reporter.js';
import type { Command, CommandContext } from '../command.js';
import { jsonFlag, progressFlags } from '../common-flags.js';
import type { OpenStore } from '../engine.js';
import { writeJson } from '../output.js';
import { settingFlags, storeFlags } from '../setting-flags.js';
import { loadSources, wantedOf } from '../sources.js';
import { tell, withStore } from '../store-session.js';

export const buildCommand: Command = {
  name: 'build',
  operands: '[SOURCE]...',
  operandCount: { min: 0, max: Number.POSITIVE_INFINITY },
  description: `Builds derivations and prints their output paths, if all could be built.

A SOURCE is a \`.drv\` (\`x.drv!out,dev\` for some of its outputs), a derivation as JSON, a module (.ts, .mts, .js, .mjs) whose default export is a derivation or a list of them, a directory with such a module named default.mts, default.ts, default.mjs or default.js, or a store path. Without one it is the current directory.

A module may also export \`settings\`, which are announced; the command line overrides them. A .drv or JSON cannot change any setting.

Links to the outputs are made in the current directory: result, result-2 for the second derivation, result-dev for the output dev. They keep the outputs from being collected as garbage.

Exit status: 0 if everything was built, 100 if a build failed, 101 if one took too long, 102 if an output has another hash than the one it was declared with; several of these are combined as Nix combines them. 1 for other failures, 2 for wrong usage.`,
  flags: [
    ...storeFlags,
    ...settingFlags,
    { long: 'dry-run', summary: 'say what would be built, and build nothing' },
    { long: 'out-link', short: 'o', values: ['NAME'], summary: 'name of the links instead of `result`' },
    { long: 'no-link', summary: 'make no links' },
    ...progressFlags,
    jsonFlag,
  ],
  run: build,
};

async function build(context: CommandContext): Promise<number> {
  const { args, cwd } = context;
  const loaded = await loadSources(args.operands.length > 0 ? args.operands : ['.'], cwd);
  announceSettings(context, loaded.settings);
  return await withStore(
    context,
    async (store) => {
      const wanted = await wantedOf(loaded.sources, store, cwd);
      if (args.has('dry-run')) return await dryRun(context, store, wanted);
      const report = await watchedBuild(context, store, wanted);
      await printResults(context, report, loaded.settings);
      if (report.exitStatus === 0 && !args.has('no-link')) await linkResults(context, store, report);
      return report.exitStatus;
    },
    loaded.settings,
  );
}

function announceSettings(context: CommandContext, layers: readonly SettingsLayer[]): void {
  for (const { origin, values } of layers) {
    for (const [name, value] of values) {
      tell(
        context,
        'note',
        `${describeOrigin(origin)} sets ${name} = ${formatSettingValue(value as SettingValue)}`,
      );
    }
  }
}

async function dryRun(context: CommandContext, store: OpenStore, wanted: readonly Wanted[]): Promise<number> {
  const { build, substitute, valid, unknown } = await store.plan(wanted);
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

/** Builds with a reporter watching. */
async function watchedBuild(
  context: CommandContext,
  store: OpenStore,
  wanted: readonly Wanted[],
): Promise<BuildReport> {
  const { args, env, stderr, interrupts } = context;
  const colours = wantsColours(stderr, env);
  const reporter = await createReporter((args.value('progress') ?? 'auto') as ProgressStyle, {
    stream: stderr,
    colours,
    env,
    printBuildLogs: args.has('print-build-logs'),
  });
  const { signal } = interrupts;
  signal.addEventListener('abort', () => {
    const { message } = signal.reason as Error;
    reporter.handle({ type: 'warning', message: `${message}: stopping; once more to stop at once` });
  });
  try {
    const run = await store.build(wanted, { signal });
    for await (const event of run) reporter.handle(event);
    return await run.result;
  } finally {
    reporter.close();
  }
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
