/** The item of `sandbox-paths` that stands for a shell this machine has. */
export const defaultShellItem = '/bin/sh=__default_shell__';

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
    default: (host) => (host.system === 'x86_64-linux' ? ['i686-linux'] : []),
    defaultText: '`i686-linux` on `x86_64-linux`, otherwise empty',
    description:
      'Further platforms whose programs this machine can run as well, for instance through binfmt_misc.',
  }),
  'system-features': setting('list', {
    default: (host) => ['nixos-test', 'benchmark', 'big-parallel', ...(host.kvm ? ['kvm'] : [])],
    defaultText: '`nixos-test benchmark big-parallel`, and `kvm` if `/dev/kvm` can be opened',
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
  sandbox: setting('sandbox', {
    aliases: ['build-use-chroot', 'build-use-sandbox'],
    default: () => true,
    description:
      'Whether builds are sealed off from this machine. Every build of this version is: `false` is refused, and so ' +
      'is a derivation that sets `__noChroot`, with `relaxed` as with `true`. A build that cannot be sealed as ' +
      'asked fails: there is no silent fallback.',
  }),
  'sandbox-paths': setting('list', {
    aliases: ['build-chroot-dirs', 'build-sandbox-paths'],
    appendAliases: ['build-extra-chroot-dirs', 'build-extra-sandbox-paths'],
    default: () => [defaultShellItem],
    description:
      'Host files and directories that every sandbox shows, read-only, each `[TARGET=]SOURCE[?]`; a `?` skips a ' +
      'source that does not exist. Every path named here is an impurity: a build may come out differently where the ' +
      'path holds something else. The source `__default_shell__` is a static busybox if this machine has one, and ' +
      "otherwise the machine's `sh` with the libraries it needs; as in Nix, setting `sandbox-paths` takes it away, " +
      'while `extra-sandbox-paths` leaves it.',
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
    description: 'How many processes and threads a build may have at a time. 0 is no limit.',
  }),
  'build-cpu-max': setting('count', {
    default: () => 0,
    description: 'CPU time a build may take, in per cent of one CPU: 200 is two CPUs. 0 is no limit.',
  }),
  'require-build-limits': setting('boolean', {
    default: () => false,
    description:
      'Whether a build fails if one of `build-memory-max`, `build-pids-max` and `build-cpu-max` cannot be put in ' +
      'force. Otherwise it runs without, and its result says so.',
  }),
  'use-cgroups': setting('boolean', {
    default: () => false,
    description:
      'Whether every build gets a control group of its own, also without a limit: what it used is then known to ' +
      'the last process. Ignored where none is delegated to you.',
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
  'fsync-metadata': setting('boolean', {
    default: () => true,
    description:
      'Whether changes of the store database are forced to disk, so that they survive a power failure. Turning it ' +
      'off is a little faster.',
  }),
  'use-sqlite-wal': setting('boolean', {
    default: () => true,
    description:
      'Whether the store database uses a write-ahead log. It is never used on a network file system, whatever this ' +
      'says.',
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
}

export type SettingKind = keyof SettingValues;
export type SettingValue = SettingValues[SettingKind];

/** What the defaults depend on. */
export interface SettingsHost {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Nix's name of the platform, `x86_64-linux`. */
  readonly system: string;
  /** CPUs available to this process. */
  readonly cpus: number;
  /** `/dev/kvm` can be opened for reading and writing. */
  readonly kvm: boolean;
}

export interface SettingDefinition<Kind extends SettingKind = SettingKind> {
  readonly kind: Kind;
  /** Older names for the same setting. */
  readonly aliases: readonly string[];
  /** Older names for the `extra-` form of a list. */
  readonly appendAliases: readonly string[];
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
    defaultText: undefined,
    flag: undefined,
    ...definition,
  };
}
