/**
 * Everything the launcher does for one sandbox, as plain data.
 *
 * A `SandboxSpec` knows nothing of stores or derivations. It is made by the pure planner of a platform, can be
 * printed (`airplant show-sandbox`), stored and replayed. The launcher carries out `entries` in order inside the
 * new mount namespace, pivots into `root`, drops privileges and executes `command`.
 */
export interface SandboxSpec {
  readonly version: 1;
  /** Absent: Linux namespaces. See SandboxBackend. */
  readonly backend?: SandboxBackend;
  /** What becomes `/`: a directory of our own on the host, or a fresh tmpfs. */
  readonly root: SandboxRoot;
  readonly namespaces: SandboxNamespaces;
  /** Connects the private network namespace with the host's network; absent: there is loopback only. */
  readonly networkHelper?: NetworkHelper;
  /**
   * Connecting to an abstract socket that was made outside the sandbox is refused (Landlock 6, else the set-up fails).
   * Means something on the host's network, which abstract sockets belong to.
   */
  readonly scopeAbstractSockets?: boolean;
  readonly ids: SandboxIds;
  /**
   * Who the builder is outside. Absent: the caller, whose one id is mapped to `ids`, and whose supplementary groups it keeps.
   * In a sealed session the host's root must name somebody else.
   */
  readonly idMaps?: IdMaps;
  /** Set when the UTS namespace is private. */
  readonly hostname: string;
  readonly domainname: string;
  readonly entries: readonly SandboxEntry[];
  readonly command: SandboxCommand;
  readonly limits: SandboxLimits;
  /**
   * What the command and all it starts try to reach by name is told (`LaunchOptions.onAttempts`): process 1 traces them. In
   * sealed sessions with processes of their own only. Absent: false, and nothing is traced.
   */
  readonly observed?: boolean;
  /** Host directory of a control group (version 2) that exists; process 1 moves in before it does anything else. */
  readonly controlGroup?: string;
  /** Process id of the command, 2 to 32767; with processes of its own only. Absent: 2. */
  readonly firstProcess?: number;
  /** Bits of personality(2), e.g. ADDR_NO_RANDOMIZE 0x40000. */
  readonly personality: number;
  /**
   * System calls of the command. `sealed`: what `docs/security.md` lists is refused, for good; possible in sealed
   * sessions only, as it takes giving up new privileges. Means nothing without namespaces.
   */
  readonly filter: 'sealed' | 'none';
  /**
   * `sealed`: own session, all capabilities dropped, signals, umask and rlimits reset, every inherited descriptor closed.
   * `interactive`: the caller's terminal, session, environment limits and signals stay (`airplant run`, `shell`).
   * `hook`: a program of the caller's, with all his privileges and limits, in a session of its own; without isolation.
   * What the command of a sealed session or a hook leaves running is killed.
   */
  readonly session: 'sealed' | 'interactive' | 'hook';
}

/**
 * What carries out the isolation. `none` is fork and exec with the command's environment, limits and session
 * only, and `seatbelt` the same under a macOS profile (SBPL; `parameters` are what it reads with `(param "…")`):
 * both run on the caller's own file system, so `root`, `namespaces`, `ids`, names and `entries` mean nothing to
 * them. Neither is ever chosen because namespaces failed.
 */
export type SandboxBackend =
  | { readonly kind: 'linux-namespaces' }
  | {
      readonly kind: 'darwin-seatbelt';
      readonly profile: string;
      readonly parameters: readonly (readonly [name: string, value: string])[];
      /** false: the profile is that of builds outside the sandbox. */
      readonly sealed: boolean;
    }
  | { readonly kind: 'none' };

/** Ids of the builder, inside: `count` (absent: 1) users and groups from these on. Several make it root among them. */
export interface SandboxIds {
  readonly uid: number;
  readonly gid: number;
  readonly count?: number;
}

/**
 * Id maps of the sandbox that are written by somebody else than itself. The caller's own ids must be among them, so that the
 * set-up can still reach the caller's files; the command sees a namespace with `ids` alone. With a map of the groups,
 * supplementary groups are dropped. A kind that is absent is the caller's one id.
 */
export interface IdMaps {
  readonly uids?: IdMap;
  readonly gids?: IdMap;
}

export interface IdMap {
  readonly ranges: readonly IdRange[];
  /** Absolute path of newuidmap or newgidmap. Absent: the map is written directly, which takes root. */
  readonly program?: string;
}

/** `count` ids: those from `inside` on are, outside of the sandbox, those from `outside` on. */
export interface IdRange {
  readonly inside: number;
  readonly outside: number;
  readonly count: number;
}

export type SandboxRoot = (
  | { readonly kind: 'directory'; readonly path: string }
  | { readonly kind: 'tmpfs' }
) & {
  /** Read-only once all entries are made: what is to stay writable is a mount of its own. Absent: false. */
  readonly readOnly?: boolean;
};

/**
/**
 * A program that runs outside the sandbox, with an empty environment and these descriptors: 0 is the network namespace,
 * 1 the user namespace it belongs to, 2 a pipe for what it has to say. The builder starts once there is a default
 * route in the namespace; the program is killed with the sandbox, and the sandbox ends if the program does.
 */
export interface NetworkHelper {
  /** Absolute path on the host. */
  readonly program: string;
  /** Whole argument vector, argv[0] included. */
  readonly argv: readonly string[];
  /** How long the default route may take. */
  readonly timeoutMilliseconds: number;
  /** Networks (`address/prefix length`) that the kernel refuses to send to. */
  readonly unreachable: readonly string[];
}

/**
 * User and mount namespaces are always private; there is no sandbox without them. In a sealed session they are two of
 * each: the command runs in the inner ones, where the mounts made from the outer ones cannot be changed.
 */
export interface SandboxNamespaces {
  readonly pid: boolean;
  readonly ipc: boolean;
  readonly uts: boolean;
  /** `private`: a loopback interface, brought up, and what a network helper adds. */
  readonly network: 'private' | 'host';
  /** The control group of the caller is shown as `/`. Absent: false. */
  readonly cgroup?: boolean;
  /** A sealed command may make user namespaces, and with them others, of its own. Absent: true. */
  readonly nested?: boolean;
}

/**
 * One step in filling the root. `target` is absolute inside the root, without `..`; parents are created with mode
 * 0755, and no symlink in it is ever followed. All mounts are nosuid; binds are also nodev, except devices and
 * sources below `/dev`.
 */
export type SandboxEntry =
  | {
      /** An existing directory is kept and gets the mode; `/` is the root itself. */
      readonly kind: 'directory';
      readonly target: string;
      readonly mode: number;
      readonly why: string;
    }
  | {
      /** Created anew: an existing file is an error. */
      readonly kind: 'file';
      readonly target: string;
      readonly mode: number;
      readonly contents: string;
      readonly why: string;
    }
  | { readonly kind: 'symlink'; readonly target: string; readonly to: string; readonly why: string }
  | {
      /** Recursive bind mount of a host path. A directory source gets a directory target, anything else a file. */
      readonly kind: 'bind';
      readonly source: string;
      readonly target: string;
      readonly readOnly: boolean;
      /** Missing source: skip instead of failing. */
      readonly optional: boolean;
      /** false: a source that is a symlink is recreated as a symlink (store paths); true: its target is bound. */
      readonly follow: boolean;
      /**
       * No symlink was left in the source when it was resolved: one that is there all the same, at its end or on the way, is
       * an error (`ELOOP`). Absent: false.
       */
      readonly resolved?: boolean;
      /**
       * The source is a directory of ours, and with everything in it belongs to the builder while the sandbox lives, and to
       * the caller before and after. Absent: false.
       */
      readonly forBuilder?: boolean;
      /** The source must be exactly this device (major:minor); guards /dev nodes against a doctored host. */
      readonly device?: { readonly major: number; readonly minor: number };
      readonly why: string;
    }
  | { readonly kind: 'proc'; readonly target: string; readonly why: string }
  | {
      readonly kind: 'tmpfs';
      readonly target: string;
      readonly mode: number;
      /** As mount(8) takes it: bytes, a number with k, m or g, or a percentage of the memory. */
      readonly size: string;
      readonly why: string;
    }
  | { readonly kind: 'devpts'; readonly target: string; readonly why: string }
  | {
      /**
       * A copy of a host directory on a tmpfs, whose directories list their entries in the reverse order. Anything but a
       * directory is bound as it is (`follow`: false).
       */
      readonly kind: 'reversed';
      readonly source: string;
      readonly target: string;
      readonly readOnly: boolean;
      readonly why: string;
    };

export interface SandboxCommand {
  /** Absolute path inside the sandbox, executed with execve, no search; or one of `builtinBuilders`. */
  readonly path: string;
  /** Whole argument vector, argv[0] included. */
  readonly argv: readonly string[];
  readonly env: readonly (readonly [name: string, value: string])[];
  /** Working directory inside the sandbox. */
  readonly cwd: string;
  readonly umask: number;
  /** Numbers of the processors it may run on. Absent: all. */
  readonly processors?: readonly number[];
  /** Standard input is a terminal, nobody else's, that becomes the controlling one of its session. Absent: false. */
  readonly controllingTerminal?: boolean;
  /** How many descriptors of /dev/null it inherits after the standard ones. Absent: 0. */
  readonly moreDescriptors?: number;
}

/** rlimits: the soft and hard limit become min(value, inherited hard limit). Absent = inherited untouched. */
export interface SandboxLimits {
  readonly rlimits: readonly {
    readonly resource: RlimitName;
    readonly soft: number | 'infinity';
    readonly hard: number | 'infinity';
  }[];
}

export type RlimitName = 'core' | 'cpu' | 'data' | 'fsize' | 'memlock' | 'nofile' | 'nproc' | 'stack' | 'as';

/** How a sandbox ended. `signal` is the number of the signal that killed the builder. */
export type SandboxExit =
  | { readonly kind: 'exited'; readonly status: number; readonly usage: ResourceUsage }
  | { readonly kind: 'signalled'; readonly signal: number; readonly usage: ResourceUsage }
  /** Killed by us: cancelled, timed out, or the log limit reached. */
  | { readonly kind: 'killed'; readonly usage: ResourceUsage }
  /** The network helper ended first, and the sandbox with it. */
  | { readonly kind: 'network-lost'; readonly usage: ResourceUsage };

export interface ResourceUsage {
  /** Seconds of CPU time of all processes of the sandbox. */
  readonly userSeconds: number;
  readonly systemSeconds: number;
  /** Largest resident set of any one process, bytes. */
  readonly maxResidentBytes: number;
  /** Most memory of all processes together, bytes; absent where no control group says. */
  readonly memoryPeakBytes?: number;
}

/** A step of the set-up that the kernel refused. Becomes ERR_SANDBOX_SETUP with a cure. */
export interface SandboxSetupFailure {
  /** Stable name of the step, e.g. `unshare-user`, `mount-proc`, `bind`, `pivot-root`, `exec`. */
  readonly step: string;
  readonly errno: string;
  /** Path the step was about, or empty. */
  readonly path: string;
}

/** The isolation a build really had; recorded in every result. */
export interface Isolation {
  readonly backend: 'linux-namespaces' | 'darwin-seatbelt' | 'none';
  readonly namespaces: readonly string[];
  /** `none`: loopback only; `private`: a network of its own, connected with the host's; `host`: the host's. */
  readonly network: 'none' | 'private' | 'host';
  readonly readOnlyInputs: boolean;
  readonly noNewPrivileges: boolean;
  /** The filter for system calls was in force. */
  readonly filteredSystemCalls: boolean;
  /** Limits that the kernel kept for the whole build, by cgroup v2: `memory`, `pids`, `cpu`. Absent: none. */
  readonly limits?: readonly string[];
  /** Everything that is weaker than asked or than the default, in a sentence each. */
  readonly shortfalls: readonly string[];
}
