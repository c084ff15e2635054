import type { Command, CommandContext } from '../command.js';
import { jsonFlag, progressFlags } from '../common-flags.js';
import { dryRun } from '../dry-run.js';
import { writeJson } from '../output.js';
import { settingFlags, storeFlags } from '../setting-flags.js';
import { watchRun } from '../watch-run.js';
import { withWanted } from '../with-wanted.js';

export const repairCommand: Command = {
  name: 'repair',
  operands: 'SOURCE...',
  operandCount: { min: 1, max: Number.POSITIVE_INFINITY },
  description: `Makes damaged paths of the store whole again, and prints those that were replaced.

A SOURCE is what \`airplant build\` takes. Of a store path that path alone is repaired, as by \`nix-store --repair-path\`; of a derivation its outputs (\`x.drv!out\` for some) and everything they refer to.

Every path is read and compared with what is registered. One that differs, or is gone, is copied from a substituter that has it, or else built by its derivation; the damaged contents stay in place until then. Good paths are not touched.

Exit status: 0 if everything is whole now, otherwise as that of \`airplant build\`.`,
  flags: [
    ...storeFlags,
    ...settingFlags,
    { long: 'dry-run', summary: 'say what would be copied and built, and change nothing' },
    ...progressFlags,
    jsonFlag,
  ],
  run: repair,
};

async function repair(context: CommandContext): Promise<number> {
  const { args, stdout } = context;
  return await withWanted(context, args.operands, async ({ store, wanted }) => {
    const how = { repair: true };
    if (args.has('dry-run')) return await dryRun(context, store, wanted, how);
    const { results, repaired, exitStatus } = await watchRun(context, (signal) =>
      store.build(wanted, { ...how, signal }),
    );
    if (args.has('json')) await writeJson(stdout, { repaired, results });
    else if (repaired.length > 0) await stdout.write(`${repaired.join('\n')}\n`);
    return exitStatus;
  });
}
