import { mostCpuPercent, mostPids } from '../base/kernel-limits.js';
import { defaultStartId, idsPerRange } from '../formats/subordinate-ids.js';

/** The item of `sandbox-paths` that stands for a shell this machine has. */
export const defaultShellItem = '/bin/sh=__default_shell__';

/** Nix's list, but for the temporary directories, where sockets of the caller's lie. */
const darwinSandboxPaths: readonly string[] = [
  '/System/Library/Frameworks',
  '/System/Library/PrivateFrameworks',
  '/bin/bash',
  '/bin/sh',
  '/usr/lib',
];

/**
 * Every setting there is: this table is the nix.conf parser's vocabulary, the flags of the command line, the output
 * of `airplant config` and `docs/settings.md`. Names, aliases and meanings are Nix's; a setting of Nix's that is not
 * here is one that airplant does not act on, and it is not an error to have it in a nix.conf.
 */
export const settingsTable = {
  store: setting('text', {
    default: (host) => host.env['NIX_REMOTE'] || 'auto',
    defaultText: 'the environment variable `NIX_REMOTE`, otherwise `auto`',
    description:
      'The store to work on. `auto` is `/nix/store` if you can write to it, and otherwise a store of your own below ' +
      '`$XDG_DATA_HOME/airplant/root`, whose paths still read `/nix/store/…`. A directory, or ' +
      '`local?root=DIRECTORY`, is such a store somewhere else.',
  }),
  system: setting('text', {
    default: (host) => host.system,
    defaultText: 'the system of this machine',
    description:
      'The platform this machine builds for, such as `x86_64-linux`. A derivation for another platform is refused ' +
      'unless `extra-platforms` names it.',
  }),
  'extra-platforms': setting('list', {
    default: (host) => host.extraPlatforms,
    defaultText:
      'on `x86_64-linux` `i686-linux`, and those of `x86_64-v1-linux` to `x86_64-v4-linux` that the processor can ' +
      'run; otherwise empty',
    description:
      'Further platforms whose programs this machine can run as well, for instance through binfmt_misc.',
  }),
  'system-features': setting('list', {
    default: (host) => [
      ...['nixos-test', 'benchmark', 'big-parallel'],
      ...(host.idRanges ? ['uid-range'] : []),
      ...(host.kvm ? ['kvm'] : []),
    ],
    defaultText:
      '`nixos-test benchmark big-parallel`, `uid-range` if builds can have ranges of ids (see ' +
      '[identities.md](identities.md)), and `kvm` if `/dev/kvm` can be opened',
    description:
      'What this machine offers to derivations that ask for something in `requiredSystemFeatures`. A derivation ' +
      'asking for anything else is not built here.',
  }),
  'max-jobs': setting('jobs', {
    aliases: ['build-max-jobs'],
    default: () => 1,
    flag: { short: 'j', argument: 'N', summary: 'builds at the same time, or `auto`' },
    description:
      'How many derivations are built at the same time. `auto` is the number of CPUs available to this process; 0 ' +
      'builds nothing.',
  }),
  'max-jobs-per-feature': setting('list', {
    default: () => [],
    defaultText: '`big-parallel=N`, where N builds of `cores` CPUs each have the CPUs to themselves',
    description:
      'How many of the derivations that name a system feature in `requiredSystemFeatures` are built at the same time, ' +
      'each `FEATURE=N`, such as `kvm=2 big-parallel=1`. Others go ahead of one that has to wait for its turn. Features ' +
      'that are not named here have no limit but `max-jobs`; `big-parallel`, whose builds take all the CPUs they are ' +
      'given, is limited as the default says until it is named.',
  }),
  cores: setting('count', {
    aliases: ['build-cores'],
    default: () => 0,
    flag: { argument: 'N', summary: 'CPUs each build is told to use; 0 is all' },
    description:
      'What a builder finds in `NIX_BUILD_CORES`: how many CPUs it should use. 0 is the number of CPUs available to ' +
      'this process.',
  }),
  'keep-going': setting('boolean', {
    default: () => false,
    flag: { short: 'k', summary: 'go on with other builds after one has failed' },
    description: 'Whether builds that do not need the failed one still run after a failure.',
  }),
  'keep-failed': setting('boolean', {
    default: () => false,
    flag: { short: 'K', summary: 'keep the build directories of builds that fail' },
    description:
      'Whether what a failed builder has left stays: its build directory, its `/tmp` and its unfinished outputs. ' +
      '`airplant shell --failed` enters its sandbox again. See [failures.md](failures.md).',
  }),
  sandbox: setting('sandbox', {
    aliases: ['build-use-chroot', 'build-use-sandbox'],
    default: () => true,
    description:
      'Whether builds are sealed off from this machine. With `true` all are, and a derivation that sets `__noChroot` ' +
      'is refused. `relaxed` leaves out derivations that set it, and those with a fixed output; `false` leaves out ' +
      'all. What is left out runs on the machine itself and can read and change whatever you can; it needs a store ' +
      'whose files lie where its paths say, which one below your home does not: there `false` and `__noChroot` are ' +
      'refused, and fixed outputs are sealed. A build that cannot be sealed as asked fails: there is no silent fallback.',
  }),
  'fixed-output-network': setting('network', {
    default: () => 'auto',
    description:
      'The network of fixed-output derivations, the only ones that have any. `private` is one of their own, which ' +
      'pasta or slirp4netns connects with the world: loopback services and abstract sockets of this machine cannot be ' +
      'reached; a build that cannot have it fails. `host` is the network of this machine. `auto` is `private` where ' +
      'that can be had, and otherwise `host` with a warning. See [networking.md](networking.md).',
  }),
  'pasta-path': setting('program', {
    default: () => 'pasta',
    description:
      'The program pasta (of passt), for `fixed-output-network`: an absolute path, or a name to look up in `PATH`. ' +
      'Empty: it is not used.',
  }),
  'slirp4netns-path': setting('program', {
    default: () => 'slirp4netns',
    description:
      'The program slirp4netns, which is used where there is no pasta: an absolute path, or a name to look up in ' +
      '`PATH`. Empty: it is not used.',
  }),
  'network-helper-timeout': setting('count', {
    default: () => 10,
    description:
      'Seconds that pasta or slirp4netns may take to connect a build before it is killed. 0 is no limit.',
  }),
  'sandbox-paths': setting('list', {
    aliases: ['build-chroot-dirs', 'build-sandbox-paths'],
    appendAliases: ['build-extra-chroot-dirs', 'build-extra-sandbox-paths'],
    default: (host) => (host.system.endsWith('-darwin') ? darwinSandboxPaths : [defaultShellItem]),
    defaultText: `\`${darwinSandboxPaths.join(' ')}\` on macOS, otherwise \`${defaultShellItem}\``,
    description:
      'Host files and directories that every sandbox shows, read-only, each `[TARGET=]SOURCE[?]`; a `?` skips a ' +
      'source that does not exist. A program brings its loader and libraries (or its interpreter), a store path its ' +
      'closure; a path that is or holds a socket, FIFO or device is refused. See [sandbox-paths.md](sandbox-paths.md). ' +
      'Every path named here is an impurity: a build may come out differently where the path holds something else. ' +
      'The source `__default_shell__` is a static busybox if this machine has one, and ' +
      "otherwise the machine's `sh` with the libraries it needs; as in Nix, setting `sandbox-paths` takes it away, " +
      'while `extra-sandbox-paths` leaves it.',
  }),
  'writable-sandbox-paths': setting('list', {
    default: () => [],
    description:
      'Host files and directories that every sandbox shows and may write to, in the form of `sandbox-paths`; also the ' +
      'only way to show a socket, FIFO or device. What builds keep there ties them to one another, so results mean ' +
      'little. Two builds at once that share a writable directory are refused.',
  }),
  'allowed-impure-host-deps': setting('list', {
    default: (host) =>
      host.system.endsWith('-darwin') ? ['/System/Library', '/usr/lib', '/dev', '/bin/sh'] : [],
    defaultText: '`/System/Library /usr/lib /dev /bin/sh` on macOS, otherwise empty',
    description:
      'What a derivation may ask for in `__impureHostDeps`: these host paths and everything below them. It sees what ' +
      'it asked for, read-only, if it exists.',
  }),
  'pre-build-hook': setting('text', {
    default: () => '',
    defaultText: 'none',
    description:
      'Absolute path of a program that is run before each build, with the path of its `.drv` and the directory that ' +
      'becomes `/` of its sandbox as arguments. What it puts there the builder finds, and what it prints is what else ' +
      'the builder may see. See [sandbox-paths.md](sandbox-paths.md).',
  }),
  'pre-build-hook-timeout': setting('count', {
    default: () => 60,
    description: 'Seconds after which the pre-build hook is killed, and the build fails. 0 is no limit.',
  }),
  'post-build-hook': setting('text', {
    default: () => '',
    defaultText: 'none',
    description:
      'A program, by its absolute path or a name in `PATH`, that is run after each build that went well, and after each ' +
      'check that found no difference: in your environment, with `DRV_PATH`, with `OUT_PATHS` separated by spaces, and ' +
      'with a `NIX_CONFIG` that names the store, so that it can copy them elsewhere. If it fails, the build counts as ' +
      'failed, but its outputs stay valid. What it leaves running is killed.',
  }),
  'post-build-hook-timeout': setting('count', {
    default: () => 0,
    description: 'Seconds after which the post-build hook is killed, and the build fails. 0 is no limit.',
  }),
  'diff-hook': setting('text', {
    default: () => '',
    defaultText: 'none',
    description:
      'Absolute path of a program that tells two outputs apart: a check runs it for every output that differs, with ' +
      'the output in the store, what was made instead, the `.drv` and a temporary directory as arguments, and shows ' +
      'what it prints. Needs `run-diff-hook`.',
  }),
  'run-diff-hook': setting('boolean', {
    default: () => false,
    description: 'Whether the `diff-hook` is run.',
  }),
  'build-dir': setting('text', {
    default: () => '',
    defaultText: 'beside the store',
    description:
      'Directory on this machine in which the build directories of builds are made, such as one on a faster disk. ' +
      'It, and every directory above it, must belong to you or root, and must not be writable to others unless it has ' +
      'a sticky bit. Outputs and `/tmp` of the sandbox stay beside the store.',
  }),
  'sandbox-build-dir': setting('text', {
    default: () => '/build',
    description: 'The build directory as a builder in the sandbox sees it.',
  }),
  'sandbox-dev-shm-size': setting('text', {
    default: () => '50%',
    description:
      'The size of `/dev/shm` in the sandbox, in the terms of tmpfs (bytes with k, m or g, or a percentage).',
  }),
  'filter-syscalls': setting('boolean', {
    default: () => true,
    description:
      'Whether the system calls of builders are filtered; `docs/security.md` lists what is refused. Where the kernel ' +
      'has no filters, builds fail unless this is false; builders then reach kernel keyrings of the caller and ' +
      'AF_VSOCK sockets, which the result says.',
  }),
  'allow-nested-namespaces': setting('boolean', {
    default: () => true,
    description:
      'Whether a builder may make user namespaces, and with them mount, process and network namespaces, of its own, ' +
      'as sandboxes and containers inside a build do. What the build may not touch it may not touch in there either. ' +
      'With `false`, `unshare(CLONE_NEWUSER)` fails with ENOSPC, which leaves an attacker less of the kernel to try.',
  }),
  timeout: setting('count', {
    aliases: ['build-timeout'],
    default: () => 0,
    flag: { argument: 'SECONDS', summary: 'time a build may take; 0 is no limit' },
    description: 'Seconds after which a build is ended, failing with exit status 101. 0 is no limit.',
  }),
  'max-silent-time': setting('count', {
    aliases: ['build-max-silent-time'],
    default: () => 0,
    flag: { argument: 'SECONDS', summary: 'time a build may write nothing; 0 is no limit' },
    description:
      'Seconds without any output after which a build is ended, failing with exit status 101. 0 is no limit.',
  }),
  'build-memory-max': setting('bytes', {
    default: () => 0,
    description:
      'Bytes of memory that all processes of a build may use together. A build that needs more is killed as a whole. ' +
      '0 is no limit. Like the next two it takes a control group (cgroup v2) that was delegated to you.',
  }),
  'build-pids-max': setting('count', {
    default: () => 0,
    most: mostPids,
    description: 'How many processes and threads a build may have at a time. 0 is no limit.',
  }),
  'build-cpu-max': setting('count', {
    default: () => 0,
    most: mostCpuPercent,
    description: 'CPU time a build may take, in per cent of one CPU: 200 is two CPUs. 0 is no limit.',
  }),
  'require-build-limits': setting('boolean', {
    default: () => false,
    description:
      'Whether a build fails if one of `build-memory-max`, `build-pids-max` and `build-cpu-max` cannot be put in ' +
      'force. Otherwise it runs without, with a warning, and its result says so.',
  }),
  'build-cgroup': setting('text', {
    default: () => '',
    description:
      'Directory of the control group (cgroup v2) in which those of builds are made, such as ' +
      '`/sys/fs/cgroup/user.slice/builds`. Empty: the group of airplant itself if it was delegated to you and holds ' +
      'nobody else, or the one around it. A group that is named and cannot be used fails builds that need one.',
  }),
  'use-cgroups': setting('boolean', {
    default: () => false,
    description:
      'Whether every build gets a control group of its own, also without a limit: what it used is then known to ' +
      'the last process. Ignored where none is delegated to you.',
  }),
  'start-id': setting('count', {
    default: () => defaultStartId,
    description:
      'The first of the ids that builders get when airplant runs as root. Builders are never root then: each has ' +
      'a range of 65536 ids that no other build has at the time. No account may have one of them.',
  }),
  'id-count': setting('count', {
    default: () => 128 * idsPerRange,
    description:
      'How many ids there are for builders from `start-id` on, a multiple of 65536: as many builds can run at once ' +
      'as there are ranges.',
  }),
  'build-termination-grace': setting('count', {
    default: () => 2,
    description:
      'Seconds between SIGTERM and SIGKILL when a build is ended: cancelled, out of time, or silent for too long. ' +
      'All its processes get both. 0 is SIGKILL at once, as in Nix; a log that is too long always means that.',
  }),
  'max-build-log-size': setting('bytes', {
    aliases: ['build-max-log-size'],
    default: () => 0,
    description:
      'Bytes of log after which a build is ended. 0 is no limit. A suffix K, M, G or T is understood.',
  }),
  'keep-build-log': setting('boolean', {
    aliases: ['build-keep-log'],
    default: () => true,
    description: 'Whether the log of every build is kept for `airplant log`.',
  }),
  'compress-build-log': setting('boolean', {
    aliases: ['build-compress-log'],
    default: () => true,
    description: 'Whether kept logs are compressed with bzip2.',
  }),
  'log-lines': setting('count', {
    default: () => 25,
    description: 'How many of the last lines of its log are shown when a build fails.',
  }),
  substitute: setting('boolean', {
    aliases: ['build-use-substitutes'],
    default: () => true,
    description:
      'Whether paths that are missing are copied from `substituters` that have them, instead of being built. A ' +
      'derivation that sets `allowSubstitutes` to false is built all the same.',
  }),
  substituters: setting('list', {
    aliases: ['binary-caches'],
    default: () => [],
    defaultText: 'empty',
    description:
      'Where missing paths may be copied from: other stores on this machine, each in the form of `store`. ' +
      '`?trusted=1` after one says that its paths need no signature, `?priority=N` when it is asked (lower is ' +
      'sooner, default 0). One that cannot be opened, binary caches among them, is a warning. See ' +
      '[substituters.md](substituters.md).',
  }),
  fallback: setting('boolean', {
    aliases: ['build-fallback'],
    default: () => false,
    flag: { summary: 'build what a substituter has but cannot deliver' },
    description:
      'Whether a path is built when a substituter that has it could not deliver it; otherwise that fails.',
  }),
  'require-sigs': setting('boolean', {
    default: () => true,
    description:
      'Whether a path from a substituter must be signed by one of `trusted-public-keys`, unless it is addressed by ' +
      'its content.',
  }),
  'trusted-public-keys': setting('list', {
    aliases: ['binary-cache-public-keys'],
    default: () => ['cache.nixos.org-1:6NCHdD59X431o0gWypbMrAURkbJ16ZPMQFGspcDShjY='],
    description: 'Keys whose signatures are believed, each `NAME:BASE64`.',
  }),
  'keep-outputs': setting('boolean', {
    aliases: ['gc-keep-outputs'],
    default: () => false,
    description:
      'Whether garbage collection keeps the outputs of a derivation that is kept, such as compilers that were only ' +
      'needed to build something.',
  }),
  'keep-derivations': setting('boolean', {
    aliases: ['gc-keep-derivations'],
    default: () => true,
    description:
      'Whether garbage collection keeps the derivation (`.drv`) that a path which is kept was made by.',
  }),
  'min-free': setting('bytes', {
    default: () => 0,
    description:
      'Bytes on the disk of the store: when fewer are left while something is built or added, garbage is collected ' +
      'until there are `max-free`. 0 is never.',
  }),
  'max-free': setting('bytes', {
    default: () => Number.MAX_SAFE_INTEGER,
    defaultText: 'no limit: all garbage goes',
    description: 'Bytes that are to be free when a collection begun for `min-free` ends.',
  }),
  'min-free-check-interval': setting('count', {
    default: () => 5,
    description: 'Seconds between two looks at how much is free, for `min-free`.',
  }),
  'fsync-metadata': setting('boolean', {
    default: () => true,
    description:
      'Whether changes of the store database are forced to disk, so that they survive a power failure. Turning it ' +
      'off is a little faster.',
  }),
  'auto-optimise-store': setting('boolean', {
    default: () => false,
    description:
      'Whether files of new paths are replaced by hard links to equal ones that the store has already, as ' +
      '`airplant optimise` does for all of it.',
  }),
  'use-sqlite-wal': setting('boolean', {
    default: () => true,
    description:
      'Whether the store database uses a write-ahead log. It is never used on a network file system, whatever this ' +
      'says.',
  }),
  'use-case-hack': setting('boolean', {
    default: (host) => host.system.endsWith('-darwin'),
    defaultText: 'true on macOS, otherwise false',
    description:
      'Whether files whose names differ only in case are told apart by a suffix, `~nix~case~hack~1` and so on, when ' +
      'an archive is unpacked, and the suffix left out again when a path is hashed or archived. For file systems that ' +
      'ignore case.',
  }),
} as const;

export type SettingName = keyof typeof settingsTable;

/** All settings with their effective values, under the names nix.conf uses. */
export type Settings = {
  readonly [Name in SettingName]: SettingValues[(typeof settingsTable)[Name]['kind']];
};

/** Kinds of setting, each with the type of its value. */
export interface SettingValues {
  readonly text: string;
  readonly list: readonly string[];
  readonly boolean: boolean;
  /** A whole number ≥ 0. */
  readonly count: number;
  /** A whole number ≥ 0; text may carry a suffix K, M, G, T (powers of 1024). */
  readonly bytes: number;
  /** A whole number ≥ 0; text may be `auto`. */
  readonly jobs: number;
  readonly sandbox: boolean | 'relaxed';
  readonly network: 'auto' | 'private' | 'host';
  /** Absolute path, or a name to be looked up; or empty. */
  readonly program: string;
}

export type SettingKind = keyof SettingValues;
export type SettingValue = SettingValues[SettingKind];

/** What the defaults depend on. */
export interface SettingsHost {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Nix's name of the platform, `x86_64-linux`. */
  readonly system: string;
  /** Further platforms whose programs it runs without help. */
  readonly extraPlatforms: readonly string[];
  /** CPUs available to this process. */
  readonly cpus: number;
  /** `/dev/kvm` can be opened for reading and writing. */
  readonly kvm: boolean;
  /** Builds can have ranges of ids: this is root, or somebody with enough subordinate ids. */
  readonly idRanges: boolean;
}

export interface SettingDefinition<Kind extends SettingKind = SettingKind> {
  readonly kind: Kind;
  /** Older names for the same setting. */
  readonly aliases: readonly string[];
  /** Older names for the `extra-` form of a list. */
  readonly appendAliases: readonly string[];
  /** The largest value of a count. */
  readonly most: number | undefined;
  default(host: SettingsHost): SettingValues[Kind];
  /** The default in words, where it depends on the host. */
  readonly defaultText: string | undefined;
  /** Present when the setting has a flag `--NAME` of its own; every setting can be set with `--option`. */
  readonly flag: SettingFlag | undefined;
  /** One paragraph of Markdown. */
  readonly description: string;
}

export interface SettingFlag {
  readonly short?: string;
  /** Name of the argument in help; absent for booleans. */
  readonly argument?: string;
  readonly summary: string;
}

/** All setting names in the order of the table. */
export const settingNames: readonly SettingName[] = Object.keys(settingsTable) as SettingName[];

/** The definition of a setting, in the type that does not depend on its name. */
export function settingDefinition(name: SettingName): SettingDefinition {
  return settingsTable[name];
}

function setting<Kind extends SettingKind>(
  kind: Kind,
  definition: Pick<SettingDefinition<Kind>, 'default' | 'description'> &
    Partial<Omit<SettingDefinition<Kind>, 'kind'>>,
): SettingDefinition<Kind> {
  return {
    kind,
    aliases: [],
    appendAliases: [],
    most: undefined,
    defaultText: undefined,
    flag: undefined,
    ...definition,
  };
}
