import type { ResourceLimits } from './control-group.js';

/** One build, without any notion of derivations: what a remote executor would be sent. */
export interface BuildRequest {
  /** For messages and directory names only. */
  readonly name: string;
  readonly system: string;
  /** Absolute path inside the sandbox, or one of `builtinBuilders`. */
  readonly builder: string;
  /** Arguments after argv[0]. */
  readonly args: readonly string[];
  readonly env: readonly (readonly [name: string, value: string])[];
  /** Files the executor puts into the build directory before the builder starts, after `rewrites`. */
  readonly files: readonly RequestFile[];
  /** Closure of the inputs: logical store paths. */
  readonly inputs: readonly string[];
  readonly outputs: readonly RequestOutput[];
  /**
   * Equal-length replacements still to be made in `args`, `env` and the contents of `files`, in this order
   * (`rewriteText`): placeholders and redirected outputs. Planners make them in the command.
   */
  readonly rewrites: readonly (readonly [from: string, to: string])[];
  /** Host paths the build may see, complete (`completeHostPaths`). */
  readonly hostPaths: readonly HostPath[];
  readonly limits: BuildLimits;
  /**
   * `none`: a loopback interface and nothing else; `private`: a network of its own that leads to the world; `host`: this
   * machine's network and name service; `auto`: `private` where that can be had, else `host`.
   */
  readonly network: 'none' | 'auto' | 'private' | 'host';
  /** True: built on the machine itself, without any isolation. */
  readonly unsealed?: boolean;
  /**
   * True: the builder works where the host has the build directory and the store. Outside the sandbox always, and on macOS,
   * which has no mounts, in it too.
   */
  readonly inPlace?: boolean;
  /** System features the derivation requires; `kvm` makes /dev/kvm visible. */
  readonly features: readonly string[];
  /** Bits of personality(2), see `linuxPersonality`. */
  readonly personality: number;
  /** Absent: nothing is varied. */
  readonly variation?: RequestVariation;
  /** For builds on macOS only. */
  readonly seatbelt?: SeatbeltWishes;
}

/**
 * What a check makes different from a usual build: nothing of it matters to a sound one. Only sandboxes on Linux do all of
 * it; elsewhere it is an error to ask for more than `umask` and `processors`.
 */
export interface RequestVariation {
  /** Instead of 022. */
  readonly umask?: number;
  /** Numbers of the processors it may run on. */
  readonly processors?: readonly number[];
  /** Instead of 2. */
  readonly firstProcess?: number;
  readonly moreDescriptors?: number;
  /** The build directory and these inputs list the entries of their directories in the reverse order. */
  readonly reversed?: { readonly inputs: readonly string[] };
  /** Host path of a library that is preloaded into dynamically linked programs. */
  readonly preload?: string;
}

/** What a derivation asks of its sandbox profile. */
export interface SeatbeltWishes {
  /** Rules in the profile language, which come after everybody else's; or empty. */
  readonly profile: string;
  /** Servers and clients on this machine may talk to one another. */
  readonly localNetwork: boolean;
}

export interface RequestFile {
  /** Name inside the build directory, one component. */
  readonly name: string;
  readonly contents: string;
  readonly mode: number;
}

export interface RequestOutput {
  readonly name: string;
  /** Store path the builder writes to: the output's own, or another one where it works in place and something is there that has to stay. */
  readonly scratchPath: string;
}

/** A host file or directory made visible in the sandbox. */
export interface HostPath {
  readonly target: string;
  readonly source: string;
  readonly optional: boolean;
  readonly readOnly: boolean;
  /** Where the wish came from: a setting, the default shell, a hook, the module. */
  readonly why: string;
}

/** Seconds and bytes; 0 = no limit, as in Nix. Those of a control group are left out where nobody has asked for any. */
export interface BuildLimits extends ResourceLimits {
  readonly timeoutSeconds: number;
  readonly maxSilentSeconds: number;
  readonly maxLogBytes: number;
}
