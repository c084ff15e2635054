import { statfsSync } from 'node:fs';
import { cpus, loadavg, release, totalmem, type } from 'node:os';

/** What the numbers were taken on; they mean little on another machine. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly kernel: string;
  readonly node: string;
  readonly user: 'root' | 'ordinary';
  /** Of the directory everything is made in. */
  readonly fileSystem: string;
  /** One-minute load average before the first run: on a busy machine only the ratios are worth reading. */
  readonly loadBefore: number;
  /** ISO 8601. */
  readonly startedAt: string;
}

/** Facts of this machine; `directory` is where the bench works. */
export function describeMachine(directory: string): Machine {
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryBytes: totalmem(),
    kernel: `${type()} ${release()}`,
    node: process.version,
    user: process.geteuid?.() === 0 ? 'root' : 'ordinary',
    fileSystem: fileSystemName(statfsSync(directory).type),
    loadBefore: loadavg()[0]!,
    startedAt: new Date().toISOString(),
  };
}

/** Names of the commoner f_type numbers of statfs(2). */
function fileSystemName(magic: number): string {
  const names: Readonly<Record<number, string>> = {
    61267: 'ext4',
    16914836: 'tmpfs',
    1481003842: 'xfs',
    2435016766: 'btrfs',
    2035054128: 'overlayfs',
    801189825: 'zfs',
    26985: 'nfs',
  };
  return names[magic] ?? `0x${magic.toString(16)}`;
}
