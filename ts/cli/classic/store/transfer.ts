import { storePathOf } from '../operand.js';
import { takeFlags, takeNoFlags, takeNoOperands } from '../operation-flags.js';
import type { Operation, OperationCall } from '../operations.js';
import { withWholeStore } from '../session.js';

/** `--export PATH...`: writes exactly these paths as one stream. */
export const exportPaths: Operation = async (call) => {
  takeFlags(call, []);
  const { cwd, stdout, interrupts } = call.context;
  return await withWholeStore(call.context, async ({ local }) => {
    const place = { cwd, directories: local.directories };
    const paths = call.operands.map((operand) => storePathOf(operand, place));
    const { signal } = interrupts;
    for await (const chunk of local.exportPaths(paths, { signal })) await stdout.write(chunk);
    return 0;
  });
};

/** `--import`: adds the paths of such a stream on standard input, and prints them. What follows the stream is not looked at. */
export const importPaths: Operation = async (call) => {
  takeFlags(call, []);
  takeNoOperands(call);
  const { stdin, stdout, interrupts } = call.context;
  return await withWholeStore(call.context, async ({ local }) => {
    const { signal } = interrupts;
    const paths = await local.importPaths(stdin(), { signal, rest: 'leave' });
    await stdout.write(paths.map((path) => `${path}\n`).join(''));
    return 0;
  });
};

/** `--dump-db [PATH...]`: what the database says of paths, of all if none is named. */
export const dumpDatabase: Operation = async (call) => {
  takeNoFlags(call);
  const { cwd, stdout } = call.context;
  return await withWholeStore(call.context, async ({ local }) => {
    const place = { cwd, directories: local.directories };
    const paths = call.operands.map((operand) => storePathOf(operand, place));
    for await (const record of local.dumpDatabase(paths.length > 0 ? paths : undefined))
      await stdout.write(record);
    return 0;
  });
};

/** `--load-db`: registers what standard input describes, as `--dump-db` prints it; contents are not looked at. */
export const loadDatabase: Operation = async (call) => {
  takeNoFlags(call);
  return await register(call, { hashGiven: true, reregister: true, canonicalise: false });
};

/** `--register-validity [--reregister] [--hash-given]`: makes what lies in the store directory valid. */
export const registerValidity: Operation = async (call) => {
  const flags = takeFlags(call, ['--reregister', '--hash-given']);
  const how = { hashGiven: flags.has('--hash-given'), reregister: flags.has('--reregister') };
  return await register(call, { ...how, canonicalise: true });
};

async function register(
  call: OperationCall,
  how: { readonly hashGiven: boolean; readonly reregister: boolean; readonly canonicalise: boolean },
): Promise<number> {
  takeNoOperands(call);
  const { stdin, interrupts } = call.context;
  return await withWholeStore(call.context, async ({ local }) => {
    await local.registerPaths(stdin(), { ...how, signal: interrupts.signal });
    return 0;
  });
}
