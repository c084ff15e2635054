import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { AirplantError } from '../../base/errors.js';
import type { Command } from '../command.js';
import type { OpenStore } from '../engine.js';
import { exitStatusOf } from '../exit-status.js';
import { storeFlags } from '../setting-flags.js';
import { resolveStoreOperand } from '../store-operand.js';
import { withStore } from '../store-session.js';

export const runCommand: Command = {
  name: 'run',
  operands: 'PATH [ARGUMENT]...',
  operandCount: { min: 1, max: Number.POSITIVE_INFINITY },
  passThrough: true,
  description: `Runs a program out of the store, with the store at the place its paths say.

PATH is a file in the store, or a store path (or a link such as ./result) whose bin directory holds one program, or one named like the path. The program has your files, terminal, network and environment; this is no sandbox. Flags for airplant come before PATH; everything after it is the program's.

Exit status: the program's, or 128 and the number of the signal that ended it.`,
  flags: storeFlags,
  async run(context) {
    const { args, cwd, engine, env, interrupts } = context;
    const [operand, ...rest] = args.operands;
    const found = await withStore(context, async (store) => {
      const { directories } = store.local;
      const program = findProgram(store, resolveStoreOperand(operand!, { cwd, directories }));
      return { directories, program };
    });
    interrupts.leaveToChild();
    return exitStatusOf(await engine.enterStore({ ...found, args: rest, env, cwd }));
  },
};

/** The logical path of what to run. */
function findProgram(store: OpenStore, operand: { storePath: string; below: string }): string {
  const path = operand.storePath + operand.below;
  const real = store.local.realPath(operand.storePath) + operand.below;
  const stat = statSync(real, { throwIfNoEntry: false });
  if (!stat) throw new AirplantError('ERR_PATH_INVALID', `path '${path}' does not exist in this store`);
  if (!stat.isDirectory()) return path;
  const programs = programsIn(join(real, 'bin'));
  const name = packageName(operand.storePath);
  const chosen = programs.length === 1 ? programs[0] : programs.find((program) => program === name);
  if (chosen !== undefined) return join(path, 'bin', chosen);
  const what =
    programs.length === 0 ? 'has no program in bin' : `has several programs: ${programs.join(', ')}`;
  throw new AirplantError('ERR_USAGE', `'${path}' ${what}`, { hint: 'Name a file to run.' });
}

function programsIn(directory: string): string[] {
  try {
    return readdirSync(directory).sort();
  } catch {
    return [];
  }
}

/** `hello` of `/nix/store/<hash>-hello-2.12`: what stands before the first dash that a letter does not follow. */
function packageName(storePath: string): string {
  const base = storePath.slice(storePath.lastIndexOf('/') + 1 + 33);
  return /^(.*?)(?:-[^a-zA-Z].*)?$/s.exec(base)![1]!;
}
