/**
 * Every failure a user can meet, in one place: this file is the reference.
 *
 * `exitStatus` is what the command line exits with. Nix's own codes (100 build failed, 101 timeout, 102 hash
 * mismatch) are kept; 2 is wrong usage, 1 everything else. `hint` is the usual cure; a more exact one can be given
 * where the error is thrown.
 */
export const errorCatalogue = {
  // usage
  ERR_USAGE: { exitStatus: 2, hint: 'See `airplant --help`.' },
  ERR_SETTING: { exitStatus: 2, hint: 'See `airplant config` for every setting and its type.' },
  ERR_ABORTED: { exitStatus: 130, hint: 'The operation was cancelled; nothing was left running.' },

  // formats
  ERR_HASH_SYNTAX: { exitStatus: 1, hint: 'A hash is `algo:base16|base32|base64`, or SRI `algo-base64`.' },
  ERR_STORE_PATH: { exitStatus: 1, hint: 'A store path is `<store dir>/<32 base-32 characters>-<name>`.' },
  ERR_NAME: { exitStatus: 1, hint: 'A name is 1 to 211 characters out of 0-9 a-z A-Z + - . _ ? =' },
  ERR_NAR: { exitStatus: 1, hint: 'The archive is damaged or not a NAR at all.' },
  ERR_EXPORT: {
    exitStatus: 1,
    hint: 'The stream is damaged, or no output of `airplant store export` or `nix-store --export`.',
  },
  ERR_REGISTRATION: {
    exitStatus: 1,
    hint: 'The text is damaged, or no output of `airplant store dump-db` or `nix-store --dump-db`.',
  },
  ERR_NARINFO: { exitStatus: 1, hint: 'The cache answered with something that is not a narinfo.' },
  ERR_SIGNATURE: { exitStatus: 1, hint: 'A key is `name:base64`.' },

  // derivations
  ERR_DERIVATION_SYNTAX: { exitStatus: 1, hint: 'The file is not a derivation, or was cut short.' },
  ERR_DERIVATION_INVALID: { exitStatus: 1, hint: 'The derivation contradicts itself; make it anew.' },

  // native and host
  ERR_NATIVE_MISSING: {
    exitStatus: 1,
    hint: 'Run `npm run build:native` (needs a C++ compiler, make and python3).',
  },
  ERR_SYSTEM: {
    exitStatus: 1,
    hint: 'The operating system refused; the message names the call and the path.',
  },

  // store
  ERR_STORE_OPEN: { exitStatus: 1, hint: 'Name another store with `--store`.' },
  ERR_STORE_CLOSED: { exitStatus: 1, hint: 'Open the store again with `openStore`.' },
  ERR_STORE_SCHEMA: { exitStatus: 1, hint: 'The store was made by another version of Nix.' },
  ERR_STORE_DATABASE: {
    exitStatus: 1,
    hint: 'The database of the store is damaged, or another process keeps it locked.',
  },
  ERR_STORE_FILESYSTEM: { exitStatus: 1, hint: 'Name a directory on a local disk with `--store`.' },
  ERR_STORE_READ_ONLY: {
    exitStatus: 1,
    hint: 'This user can read the store but not write to it; `--store` names another.',
  },
  ERR_PATH_INVALID: {
    exitStatus: 1,
    hint: 'The path is not in this store; build it first.',
  },
  ERR_PATH_MODIFIED: {
    exitStatus: 1,
    hint: 'The contents are not those that were registered; `airplant repair` makes the path whole again.',
  },
  ERR_PATH_IN_USE: { exitStatus: 1, hint: 'Something still refers to the path.' },
  ERR_SUBSTITUTE: {
    exitStatus: 1,
    hint: 'What a substituter has is not what it says; with `fallback` the path is built instead.',
  },
  ERR_REPAIR: {
    exitStatus: 1,
    hint: 'Name a store that has it with `substituters`: nothing in this store says how it was made, or making it failed.',
  },
  ERR_PATH_IMMUTABLE: {
    exitStatus: 1,
    hint: 'Remove the immutable mark as root, with `chattr -R -i`, and repair it again.',
  },
  ERR_UNSUPPORTED_FILE: {
    exitStatus: 1,
    hint: 'A store path holds regular files, directories and symlinks only.',
  },

  // sandbox
  ERR_SANDBOX_SETUP: { exitStatus: 1, hint: 'Run `airplant doctor`: it does each step and names the cure.' },
  ERR_SANDBOX_UNAVAILABLE: {
    exitStatus: 1,
    hint: 'Run `airplant doctor`: it does each step and names the cure.',
  },
  ERR_SANDBOX_SPEC: {
    exitStatus: 1,
    hint: 'A sandbox is started as `SandboxSpec` (ts/sandbox/spec.ts) describes it, or not at all.',
  },
  ERR_SANDBOX_PATH: { exitStatus: 1, hint: 'A sandbox path is `[target=]source[?]`, both absolute.' },
  ERR_HOOK: {
    exitStatus: 1,
    hint: 'Mend the program that the setting `pre-build-hook` names; docs/sandbox-paths.md says what it may print.',
  },
  ERR_NETWORK_HELPER: {
    exitStatus: 1,
    hint: 'Run `airplant doctor`: it tries pasta and slirp4netns. `fixed-output-network = auto` falls back to the network of this machine.',
  },
  ERR_SANDBOX_PROFILE: {
    exitStatus: 1,
    hint: 'A sandbox profile is a sequence of forms such as `(allow file-read* (subpath "/usr/lib"))`.',
  },
  ERR_SANDBOX_REQUIRED: {
    exitStatus: 1,
    hint: 'A store whose files lie elsewhere than its paths say can only build inside the sandbox; leave `sandbox` at true.',
  },

  // build
  ERR_BUILD_FAILED: {
    exitStatus: 100,
    hint: 'See the whole log with `airplant log`, and what the sandbox did not have with `airplant explain`.',
  },
  ERR_BUILD_TRANSIENT: {
    exitStatus: 1,
    hint: 'The builder of a fixed output had a network, which may be why: try again, or see the whole log with `airplant log`.',
  },
  ERR_BUILD_TIMEOUT: { exitStatus: 101, hint: 'Raise `--timeout` or `--max-silent-time`.' },
  ERR_CHECK_IMPOSSIBLE: { exitStatus: 1, hint: '`airplant check` builds first what is missing.' },
  ERR_NOT_DETERMINISTIC: {
    exitStatus: 104,
    hint: 'Both outputs are kept: compare them, and what the builder takes from outside its inputs.',
  },
  ERR_HASH_MISMATCH: {
    exitStatus: 102,
    hint: 'If the new content is right, put its hash into the derivation.',
  },
  ERR_DEPENDENCY_FAILED: { exitStatus: 100, hint: 'Mend the dependency that failed first.' },
  ERR_LOG_LIMIT: { exitStatus: 1, hint: 'Raise `max-build-log-size`.' },
  ERR_OUTPUT_MISSING: { exitStatus: 1, hint: 'The builder must create every output it declares.' },
  ERR_OUTPUT_REJECTED: { exitStatus: 1, hint: 'The builder made something a store path cannot be.' },
  ERR_BUILDER_MISSING: {
    exitStatus: 100,
    hint: 'The builder must lie in an input or in a sandbox path; see `airplant show-sandbox`.',
  },
  ERR_BUILDER_EXEC: { exitStatus: 100, hint: 'The builder must be a program that this machine can run.' },
  ERR_NOTHING_KEPT: {
    exitStatus: 1,
    hint: 'Build it with `--keep-failed`: what its builder leaves is kept then if it fails.',
  },
  ERR_KEPT_DAMAGED: {
    exitStatus: 1,
    hint: 'Remove it with `airplant store remove-failed`, and build again with `--keep-failed`.',
  },
  ERR_PLATFORM: {
    exitStatus: 1,
    hint: 'Add the platform to `extra-platforms`, or build on a machine that has it.',
  },
  ERR_NO_JOBS: { exitStatus: 1, hint: 'Give `--max-jobs` a number above 0.' },
  ERR_INPUT_MISSING: {
    exitStatus: 1,
    hint: 'Add the missing input to the store, or build the derivation that makes it.',
  },
  ERR_DISK_FULL: { exitStatus: 1, hint: 'Free some space, or name another `--store`.' },
  ERR_UNSUPPORTED: { exitStatus: 1, hint: 'This version of airplant cannot do that yet.' },

  // command line
  ERR_MODULE: {
    exitStatus: 1,
    hint: 'A module exports a derivation, or a list of them, as its default export.',
  },
  ERR_NO_LOG: { exitStatus: 1, hint: 'Logs are kept where the build ran.' },
  ERR_FILE: { exitStatus: 1, hint: 'Check the path and its permissions.' },
  ERR_INTERNAL: {
    exitStatus: 1,
    hint: 'This is a defect of airplant; please report it with `--show-trace` output.',
  },
} as const satisfies Record<string, { exitStatus: number; hint: string }>;

/** A stable error code, e.g. `ERR_SANDBOX_SETUP`. */
export type ErrorCode = keyof typeof errorCatalogue;

/** Extra facts of one failure, all serialisable: the offending value, a file and byte offset, a step and errno. */
export type ErrorDetails = Readonly<
  Record<string, string | number | boolean | readonly string[] | undefined>
>;

/** The one error class of airplant. `message` is a single sentence holding the offending value. */
export class AirplantError extends Error {
  readonly code: ErrorCode;
  readonly hint: string;
  readonly exitStatus: number;
  readonly details: ErrorDetails;

  constructor(
    code: ErrorCode,
    message: string,
    options: { hint?: string | undefined; cause?: unknown; details?: ErrorDetails } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'AirplantError';
    this.code = code;
    this.hint = options.hint ?? errorCatalogue[code].hint;
    this.exitStatus = errorCatalogue[code].exitStatus;
    this.details = options.details ?? {};
  }
}

/** The same error with more facts. */
export function withDetails(error: AirplantError, details: ErrorDetails): AirplantError {
  const { code, message, hint, cause, stack } = error;
  const more = new AirplantError(code, message, { hint, cause, details: { ...error.details, ...details } });
  if (stack !== undefined) more.stack = stack;
  return more;
}

/** True for an AirplantError of this or another copy of airplant, with the given code if one is named. */
export function isAirplantError(error: unknown, code?: ErrorCode): error is AirplantError {
  return (
    error instanceof Error &&
    error.name === 'AirplantError' &&
    (code === undefined || (error as AirplantError).code === code)
  );
}
