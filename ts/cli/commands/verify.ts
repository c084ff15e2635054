import { findingToJson } from '../../store/verify/finding.js';
import type { Command, CommandContext } from '../command.js';
import { jsonFlag, progressFlags } from '../common-flags.js';
import { writeJson } from '../output.js';
import { settingFlags, storeFlags } from '../setting-flags.js';
import { resolveStoreOperand } from '../store-operand.js';
import { withStore } from '../store-session.js';
import { watchRun } from '../watch-run.js';

export const verifyCommand: Command = {
  name: 'verify',
  operands: '[PATH]...',
  operandCount: { min: 0, max: Number.POSITIVE_INFINITY },
  description: `Looks for damage in the whole store, or in some of its paths, and prints the paths that are damaged.

The database must pass an integrity check, and every valid path must exist; with \`--check-contents\` all are read, on all processors, and must hold what is registered, and so must the files that \`airplant optimise\` has linked them to. Like \`nix-store --verify\` it forgets paths that are gone if nothing refers to them, and fills in hashes and sizes that the database lacks. What lies in the store without being valid is told as well; that is no damage. Where the database itself fails its integrity check, docs/database.md says what helps.

With \`--repair\` what is damaged is copied from a substituter that has it, or else built again, as by \`airplant repair\`; then the paths that are damaged still are printed.

Exit status: 0 if nothing is damaged (any more), otherwise 1.`,
  flags: [
    ...storeFlags,
    ...settingFlags,
    { long: 'check-contents', summary: 'read everything and compare hashes' },
    { long: 'repair', summary: 'make whole again what is damaged' },
    ...progressFlags,
    jsonFlag,
  ],
  run: verify,
};

async function verify(context: CommandContext): Promise<number> {
  const { args, cwd, stdout } = context;
  return await withStore(context, async (store) => {
    const place = { cwd, directories: store.local.directories };
    const paths = args.operands.map((operand) => resolveStoreOperand(operand, place).storePath);
    const { findings, exitStatus, ...rest } = await watchRun(context, (signal) =>
      store.verify({
        ...(paths.length > 0 ? { paths } : {}),
        checkContents: args.has('check-contents'),
        repair: args.has('repair'),
        signal,
      }),
    );
    if (args.has('json')) {
      await writeJson(stdout, { ...rest, findings: findings.map(findingToJson) });
    } else {
      const damaged = findings.filter(({ state }) => state === 'error');
      const places = damaged.flatMap((one) => ('path' in one ? one.path : 'link' in one ? one.link : []));
      await stdout.write(places.map((place) => `${place}\n`).join(''));
    }
    return exitStatus;
  });
}
