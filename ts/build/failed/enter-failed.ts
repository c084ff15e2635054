import { lstatSync } from 'node:fs';
import { basename } from 'node:path';
import { AirplantError, isAirplantError } from '../../base/errors.js';
import { quote } from '../../base/quote.js';
import { quoteShell } from '../../base/quote-shell.js';
import type { SandboxExit } from '../../sandbox/spec.js';
import type { LocalStore } from '../../store/local-store.js';
import { LocalExecutor } from '../local-executor.js';
import type { BuildOptions } from '../options.js';
import type { BuildRequest } from '../records.js';
import { keptOf, placeOf } from '../scratch.js';
import { lockKept, readKept } from './find-kept.js';
import { wrongPart } from './kept-parts.js';

/** What is run in the sandbox of a failed build. */
export interface EnterFailedOptions {
  /** A program, found in the builder's `PATH` if it is no path, and its arguments. Absent: a shell. */
  readonly command?: readonly string[] | undefined;
  readonly stdio: readonly [number, number, number];
  /** Standard input is a terminal made for this alone. */
  readonly terminal: boolean;
  readonly onWarning: (message: string) => void;
  readonly signal: AbortSignal;
}

/**
 * Enters the sandbox of a failed build that was kept: mounts, environment, ids, network, limits and hardening are those
 * the builder had, and what it left is where it left it. What is changed there stays changed.
 *
 * Throws ERR_NOTHING_KEPT, ERR_KEPT_DAMAGED, ERR_INPUT_MISSING if the store has lost an input, ERR_PATH_IN_USE while
 * something else is in it, ERR_FILE if the program cannot be run or the builder has closed its directory, and what keeps a
 * sandbox from being made.
 */
export async function enterFailed(
  drvPath: string,
  { store, options }: { readonly store: LocalStore; readonly options: BuildOptions },
  entering: EnterFailedOptions,
): Promise<SandboxExit> {
  const realPath = store.realPath(drvPath);
  const directory = keptOf(realPath);
  // Whether there is one; what counts is the one that is locked.
  readKept(drvPath, realPath);
  using lock = lockKept(directory);
  if (!lock) {
    throw new AirplantError('ERR_PATH_IN_USE', `another shell is in ${quote(directory)}`, {
      hint: 'Use that one, or end it first.',
    });
  }
  const record = readKept(drvPath, realPath);
  const { request, buildsIn, sandbox } = record;
  await store.addTempRoot(drvPath, ...request.inputs);
  requireInputs(drvPath, request, store);
  const place = placeOf(directory, { buildsIn });
  const wrong = wrongPart(place, record);
  if (wrong !== undefined) {
    throw new AirplantError('ERR_KEPT_DAMAGED', `what was kept of '${drvPath}' cannot be used: ${wrong}`, {
      details: { directory },
    });
  }
  requireEnterable(place.buildDirectory);
  const resources = { ...options.resources, limits: sandbox.limits };
  const executor = new LocalExecutor({ ...options, ...sandbox, buildsIn, resources }, store.directories);
  const argv = commandLine(request, entering.command);
  try {
    return await executor.enter(request, place, { ...entering, argv });
  } catch (error) {
    throw isAirplantError(error) && error.details['step'] === 'exec' ? cannotRun(argv[0], error) : error;
  }
}

function requireInputs(drvPath: string, { inputs }: BuildRequest, store: LocalStore): void {
  const gone = inputs.filter(
    (path) => !store.isValid(path) || !lstatSync(store.realPath(path), { throwIfNoEntry: false }),
  );
  if (gone.length === 0) return;
  const more = gone.length > 1 ? ` and ${gone.length - 1} more` : '';
  throw new AirplantError(
    'ERR_INPUT_MISSING',
    `the sandbox of '${drvPath}' cannot be made again: the store has lost '${gone[0]}'${more}`,
    { hint: `Build it again: \`airplant build --keep-failed ${drvPath}\`.`, details: { drvPath } },
  );
}

/** It is where the command begins, and the builder's own: its modes are what the builder made them. */
function requireEnterable(buildDirectory: string): void {
  const mode = lstatSync(buildDirectory).mode & 0o777;
  if ((mode & 0o100) !== 0) return;
  const octal = mode.toString(8).padStart(4, '0');
  throw new AirplantError(
    'ERR_FILE',
    `the builder has left ${quote(buildDirectory)} with mode ${octal}, so that nobody can enter it`,
    { hint: `Open it first: \`chmod u+rwx ${quoteShell(buildDirectory)}\`.` },
  );
}

const fallbackShell = '/bin/sh';

/** Only a shell looks into `PATH`, and only the builder's shell is sure to be there. */
function commandLine(
  { builder }: BuildRequest,
  command: readonly string[] | undefined,
): readonly [string, ...string[]] {
  const shell = /^(?:ba|da|a|z|k|mk)?sh$/.test(basename(builder)) ? builder : fallbackShell;
  const [program, ...args] = command ?? [];
  if (program === undefined) return [shell];
  if (program.includes('/')) return [program, ...args];
  return [shell, '-c', 'exec "$0" "$@"', program, ...args];
}

function cannotRun(program: string, error: AirplantError): AirplantError {
  const hint =
    program === fallbackShell
      ? 'This sandbox has no /bin/sh: name a program it has, `airplant shell --failed DRV -- PROGRAM`.'
      : 'It must be an absolute path in the sandbox; what it shows, `airplant show-sandbox` prints.';
  const errno = String(error.details['errno']);
  return new AirplantError('ERR_FILE', `${quote(program)} cannot be run in the sandbox: ${errno}`, {
    hint,
    cause: error,
  });
}
