import { printable } from '../../../base/quote.js';
import { compareText } from '../../../base/text.js';
import type { Wanted } from '../../../build/records.js';
import type { Store } from '../../../open.js';
import { plainCheck } from '../../check-wanted.js';
import { dryRun } from '../../dry-run.js';
import { tell } from '../../store-session.js';
import { watchRun } from '../../watch-run.js';
import { wantedOf } from '../operand.js';
import { takeFlags } from '../operation-flags.js';
import type { Operation, OperationCall } from '../operations.js';
import { withWholeStore } from '../session.js';
import { failure } from '../usage.js';

/**
 * `--realise PATH...`: makes outputs of derivations, or paths, valid and prints them; with `--add-root`, the links to
 * them. With `--ignore-unknown` nothing is printed, as by Nix.
 */
export const realise: Operation = async (call) => {
  const flags = takeFlags(call, ['--dry-run', '--repair', '--check', '--ignore-unknown']);
  const { context } = call;
  return await withWholeStore(context, async (store) => {
    const place = { cwd: context.cwd, directories: store.local.directories };
    const ignoreUnknown = flags.has('--ignore-unknown');
    const all = call.operands.map((operand) => wantedOf(operand, place));
    const wanted = ignoreUnknown ? await withoutUnknown(store, all) : all;
    // As in Nix, whichever comes last.
    const mode = call.flags.findLast((flag) => flag === '--repair' || flag === '--check');
    const how = { repair: mode === '--repair' };
    if (flags.has('--dry-run')) return await dryRun(context, store, wanted, how);
    const { exitStatus } =
      mode === '--check'
        ? await watchRun(context, (signal) => store.check(wanted, { ...plainCheck, signal }))
        : await watchRun(context, (signal) => store.build(wanted, { ...how, signal }));
    if (exitStatus !== 0 || ignoreUnknown) return exitStatus;
    await printRealised(call, store, wanted);
    return 0;
  });
};

async function withoutUnknown(store: Store, wanted: readonly Wanted[]): Promise<Wanted[]> {
  const unknown = new Set((await store.plan(wanted)).unknown);
  return wanted.filter((one) => !unknown.has(one.kind === 'path' ? one.path : one.drvPath));
}

async function printRealised(call: OperationCall, store: Store, wanted: readonly Wanted[]): Promise<void> {
  const { addRoot, context, gcWarning, output } = call;
  if (addRoot === undefined && gcWarning && wanted.length > 0) {
    const message = "you did not specify '--add-root'; the result might be removed by the garbage collector";
    tell(context, 'warning', message);
  }
  for (const [index, one] of wanted.entries()) {
    const root = addRoot === undefined || index === 0 ? addRoot : `${addRoot}-${index + 1}`;
    const printed: string[] = [];
    for (const [name, path] of realisedPaths(store, one)) {
      const link = root === undefined || name === 'out' ? root : `${root}-${name}`;
      if (link !== undefined) await store.local.makeResultLink({ link, path });
      printed.push(link ?? path);
    }
    if (output)
      await context.stdout.write(
        printed
          .sort(compareText)
          .map((path) => `${path}\n`)
          .join(''),
      );
  }
}

/** Store paths by the names of outputs; a plain path is an output `out`. */
function realisedPaths(store: Store, wanted: Wanted): [name: string, path: string][] {
  if (wanted.kind === 'path') return [['out', wanted.path]];
  const { drvPath, outputs } = wanted;
  const known = store.local.derivationOutputs(drvPath);
  return (outputs === 'all' ? [...known.keys()] : outputs).map((name) => {
    const path = known.get(name);
    if (path !== undefined) return [name, path];
    const message = `derivation '${drvPath}' does not have an output named '${printable(name)}'`;
    throw failure('ERR_DERIVATION_INVALID', message);
  });
}
