import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { constants } from 'node:os';
import { AirplantError, isAirplantError } from '../base/errors.js';
import { native } from '../native.js';
import { planInteractive } from '../sandbox/interactive.js';
import { launchSandbox } from '../sandbox/launch.js';
import type { SandboxExit } from '../sandbox/spec.js';
import type { EnterStoreOptions } from './engine.js';

/**
 * Runs a program on the caller's terminal, seeing the store at its logical place. Where the store lies there anyway,
 * the program is simply started.
 */
export async function enterStore(options: EnterStoreOptions): Promise<SandboxExit> {
  const { directories, program, args, env, cwd } = options;
  const { storeDir, realStoreDir } = directories;
  if (storeDir === realStoreDir) return await runDirectly(options);
  const spec = planInteractive({
    storeDir,
    realStoreDir,
    ids: { uid: process.geteuid!(), gid: process.getegid!() },
    command: {
      path: program,
      argv: [program, ...args],
      env: Object.entries(env).flatMap(([name, value]) =>
        value === undefined ? [] : [[name, value] as const],
      ),
      cwd,
      umask: process.umask(),
    },
    list: listDirectory,
  });
  try {
    const running = await launchSandbox(spec, { stdio: 'inherit' });
    return await running.exit;
  } catch (error) {
    throw isAirplantError(error) && error.details['step'] === 'exec'
      ? cannotRun(program, String(error.details['errno']), error)
      : error;
  }
}

function runDirectly({ program, args, env, cwd }: EnterStoreOptions): Promise<SandboxExit> {
  native.useAllProcessors();
  const usage = { userSeconds: 0, systemSeconds: 0, maxResidentBytes: 0 };
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd, env: { ...env }, stdio: 'inherit' });
    child.on('error', (cause) => {
      reject(cannotRun(program, (cause as NodeJS.ErrnoException).code, cause));
    });
    child.on('exit', (status, signal) => {
      if (signal === null) resolve({ kind: 'exited', status: status ?? 0, usage });
      else resolve({ kind: 'signalled', signal: constants.signals[signal], usage });
    });
  });
}

function cannotRun(program: string, errno: string | undefined, cause: unknown): AirplantError {
  const missing = errno === 'ENOENT' ? 'It, or the interpreter it names, does not exist.' : undefined;
  return new AirplantError('ERR_FILE', `'${program}' cannot be run: ${errno}`, { hint: missing, cause });
}

function listDirectory(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}
