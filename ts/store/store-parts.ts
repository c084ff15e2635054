import { AirplantError } from '../base/errors.js';
import { quote } from '../base/quote.js';
import { caseHackError } from '../formats/nar/case-hack.js';
import { parseStorePath } from '../formats/store-path.js';
import type { CollectSettings } from './collect/records.js';
import type { Database } from './database.js';
import type { Derivations } from './derivations.js';
import type { StoreDirectories } from './directories.js';
import type { TempRoots } from './temp-roots.js';

/** What the operations of an open store work with. */
export interface StoreParts {
  readonly directories: StoreDirectories;
  readonly database: Database;
  readonly derivations: Derivations;
  readonly tempRoots: TempRoots;
  /** Nix's `fsync-store-paths`. */
  readonly fsyncStorePaths: boolean;
  /** Nix's `auto-optimise-store`. */
  readonly autoOptimise: boolean;
  /** Nix's `use-case-hack`: names on disk may carry a suffix that archives do not have. */
  readonly caseHack: boolean;
  /** What collectors go by unless they are told otherwise. */
  readonly collecting: CollectSettings;
  /** Bytes left on the disk of the store. Default: the operating system is asked. */
  readonly availableBytes?: (() => number) | undefined;
  /** Makes what others have left in a directory of the caller's his own; false if that cannot be done. */
  readonly takeBack?: ((directory: string) => Promise<boolean>) | undefined;
  /** Collects garbage if the disk is full by the measure of `collecting`, and waits for it. */
  makeRoom?(signal: AbortSignal | undefined): Promise<void>;
}

/** Where a store path (exactly that, nothing below it) lies on the host. Throws ERR_STORE_PATH. */
export function realPathOf(directories: StoreDirectories, path: string): string {
  return `${directories.realStoreDir}/${parseStorePath(directories.storeDir, path).base}`;
}

/** An error of the operating system met while working on the store, as an AirplantError. Others are left alone. */
export function storeError(error: unknown, what: string): unknown {
  if (!(error instanceof Error) || error instanceof AirplantError) return error;
  const { code, syscall, path, errno } = error as NodeJS.ErrnoException;
  if (typeof code !== 'string' || typeof errno !== 'number') return error;
  const aboutName = caseHackError(error);
  if (aboutName) return aboutName;
  const where = path === undefined ? '' : ` ${quote(String(path))}`;
  const message = `${what}: ${syscall ?? 'system call'}${where}: ${code}`;
  const options = { cause: error, details: { code, errno, syscall, path } };
  switch (code) {
    case 'EFTYPE':
      return new AirplantError(
        'ERR_UNSUPPORTED_FILE',
        `${what}: file${where} has an unsupported type`,
        options,
      );
    case 'ENOSPC':
    case 'EDQUOT':
      return new AirplantError('ERR_DISK_FULL', message, options);
    case 'EROFS':
      return new AirplantError('ERR_STORE_READ_ONLY', message, options);
    default:
      return new AirplantError('ERR_SYSTEM', message, options);
  }
}
