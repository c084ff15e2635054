import { accessSync, closeSync, constants, openSync, readSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { currentSystem } from '../base/system.js';
import { extraPlatformsOf } from './extra-platforms.js';
import { idSupply, offersRange } from './id-supply.js';
import type { SettingsHost } from './settings.js';

/** What the defaults of settings depend on, asked of the machine. */
export function settingsHost(env: SettingsHost['env']): SettingsHost {
  const system = currentSystem();
  return {
    env,
    system,
    extraPlatforms: extraPlatformsOf(system, process.platform === 'linux' ? readCpuInfo() : ''),
    cpus: availableParallelism(),
    kvm: canOpenKvm(),
    // Looked up by whoever asks.
    get idRanges() {
      return offersRange(idSupply(env['PATH'] ?? ''));
    },
  };
}

function canOpenKvm(): boolean {
  try {
    accessSync('/dev/kvm', constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** Enough for the first processor: the kernel takes its time for each of hundreds. */
function readCpuInfo(): string {
  const buffer = Buffer.alloc(8192);
  try {
    const file = openSync('/proc/cpuinfo', 'r');
    try {
      return buffer.toString('latin1', 0, readSync(file, buffer));
    } finally {
      closeSync(file);
    }
  } catch {
    return '';
  }
}
