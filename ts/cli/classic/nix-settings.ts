import { findSetting } from '../../config/load.js';
import { settingDefinition, settingNames } from '../../config/settings.js';

/** How a setting is written as a flag: `--fallback` and `--no-fallback`, `--timeout N`, `--extra-substituters LIST`. */
export type SettingForm = 'boolean' | 'value' | 'list' | 'sandbox';

/**
 * The settings of Nix 2.8 that airplant does not act on. Nix has a flag for each, and a command line that uses one is
 * to be read as it was meant.
 */
const others: Readonly<Record<Exclude<SettingForm, 'sandbox'>, string>> = {
  boolean: `accept-flake-config allow-dirty allow-import-from-derivation allow-new-privileges allow-symlinked-store
    allow-unsafe-native-code-during-evaluation builders-use-substitutes enforce-determinism
    eval-cache http2 impersonate-linux-26 keep-env-derivations preallocate-contents print-missing pure-eval
    restrict-eval sandbox-fallback show-trace sync-before-registering trace-function-calls use-registries warn-dirty`,
  value: `bash-prompt bash-prompt-suffix build-hook build-poll-interval build-users-group builders
    commit-lockfile-summary connect-timeout download-attempts flake-registry gc-reserved-space http-connections nar-buffer-size
    narinfo-cache-negative-ttl narinfo-cache-positive-ttl netrc-file repeat stalled-download-timeout tarball-ttl user-agent-suffix`,
  list: `access-tokens allowed-uris allowed-users experimental-features hashed-mirrors ignored-acls nix-path plugin-files
    secret-key-files trusted-substituters trusted-users`,
};

/** Settings of airplant's that Nix 2.8 would not know. */
const ownSettings: ReadonlySet<string> = new Set([
  'max-jobs-per-feature',
  'fixed-output-network',
  'pasta-path',
  'slirp4netns-path',
  'network-helper-timeout',
  'writable-sandbox-paths',
  'pre-build-hook-timeout',
  'post-build-hook-timeout',
  'build-dir',
  'allow-nested-namespaces',
  'build-memory-max',
  'build-pids-max',
  'build-cpu-max',
  'require-build-limits',
  'build-cgroup',
  'use-cgroups',
  'start-id',
  'id-count',
  'build-termination-grace',
]);

/** Every setting that has a flag, those of airplant included, with its form. */
export const settingForms: ReadonlyMap<string, SettingForm> = new Map([
  ...Object.entries(others).flatMap(([form, names]) =>
    names.split(/\s+/).map((name) => [name, form as SettingForm] as const),
  ),
  ...settingNames.map((name) => [name, formOf(name)] as const),
]);

/** Whether Nix 2.8 knows a setting by this name, which may be an old one or begin with `extra-`. */
export function isNixSetting(name: string): boolean {
  const known = findSetting(name)?.name ?? name.replace(/^extra-/, '');
  return settingForms.has(known) && !ownSettings.has(known);
}

function formOf(name: (typeof settingNames)[number]): SettingForm {
  const { kind } = settingDefinition(name);
  return kind === 'boolean' || kind === 'list' || kind === 'sandbox' ? kind : 'value';
}
