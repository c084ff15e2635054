import { accessSync, constants } from 'node:fs';
import { availableParallelism } from 'node:os';
import type { SettingsHost } from './settings.js';

/** What the defaults of settings depend on, asked of the machine. */
export function settingsHost(env: SettingsHost['env']): SettingsHost {
  return { env, system: currentSystem(), cpus: availableParallelism(), kvm: canOpenKvm() };
}

/** Nix's name for the platform this process runs on: `x86_64-linux`, `aarch64-darwin`. */
export function currentSystem(): string {
  return `${architectures[process.arch] ?? process.arch}-${process.platform}`;
}

/** Node's names to Nix's, where they differ. */
const architectures: Readonly<Record<string, string>> = {
  x64: 'x86_64',
  ia32: 'i686',
  arm64: 'aarch64',
  arm: 'armv7l',
  ppc64: 'powerpc64le',
};

function canOpenKvm(): boolean {
  try {
    accessSync('/dev/kvm', constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
