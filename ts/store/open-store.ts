import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import { AirplantError, isAirplantError } from '../base/errors.js';
import { quote } from '../base/quote.js';
import { decideJournal, fileSystemType } from '../config/file-system.js';
import type { CollectSettings } from './collect/records.js';
import { Database } from './database.js';
import { Derivations } from './derivations.js';
import type { StoreDirectories, StoreEnvironment } from './directories.js';
import { createLayout, readSchema, refuseSymlinks, reserveSpace, writeSchema } from './layout.js';
import { LocalStore } from './local-store.js';
import { LockFile } from './lock-file.js';
import { storeError } from './store-parts.js';
import { TempRoots } from './temp-roots.js';

export interface StoreSettings {
  /** Nix's `fsync-metadata`, default true: a power failure loses no transaction that has been checkpointed. */
  readonly fsyncMetadata?: boolean | undefined;
  /** Nix's `fsync-store-paths`, default false: see `syncTree`. */
  readonly fsyncStorePaths?: boolean | undefined;
  /** Nix's `auto-optimise-store`, default false: files of new paths become hard links to equal ones. */
  readonly autoOptimise?: boolean | undefined;
  /** Nix's `use-sqlite-wal`. Default: true, but on file systems shared by several hosts. */
  readonly useSqliteWal?: boolean | undefined;
  /** Nix's `use-case-hack`. Default: true on macOS, otherwise false. */
  readonly useCaseHack?: boolean | undefined;
  /** Nix's `keep-outputs`, `keep-derivations`, `min-free`, `max-free` and `min-free-check-interval`, with its defaults. */
  readonly collecting?: Partial<CollectSettings> | undefined;
}

export interface OpenStoreOptions {
  readonly directories: StoreDirectories;
  /**
   * Opens an existing store without changing anything. `if-needed`: only if its files or their file system let it be done
   * in no other way. Default false.
   */
  readonly readOnly?: boolean | 'if-needed' | undefined;
  readonly settings?: StoreSettings | undefined;
  readonly onWarning?: ((message: string) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Only NIX_IGNORE_SYMLINK_STORE is looked at. Default: that of the process. */
  readonly env?: StoreEnvironment | undefined;
  /** Bytes left on the disk of the store. Default: the operating system is asked. */
  readonly availableBytes?: (() => number) | undefined;
  /**
   * Makes what builders with ids of their own have left in a directory the caller's, so that collectors can remove it; false if
   * that cannot be done. Default: such garbage stays, and collectors say so.
   */
  readonly takeBack?: ((directory: string) => Promise<boolean>) | undefined;
  /** Type of the file system that holds a directory. Default: the kernel is asked. */
  readonly fileSystemType?: ((directory: string) => string | undefined) | undefined;
}

/**
 * Opens a store, and makes it first if it does not exist, just as Nix would.
 *
 * Throws ERR_STORE_OPEN (a symlink in the way, no permission, or nothing there to read), ERR_STORE_SCHEMA,
 * ERR_STORE_FILESYSTEM, ERR_STORE_DATABASE, ERR_STORE_READ_ONLY, ERR_DISK_FULL.
 */
export async function openLocalStore(options: OpenStoreOptions): Promise<LocalStore> {
  const { directories, env = process.env } = options;
  try {
    if (env['NIX_IGNORE_SYMLINK_STORE'] !== '1') refuseSymlinks(directories);
    if (options.readOnly === 'if-needed') return await openAsAllowed(options);
    return options.readOnly ? await openReadOnly(options) : await openWritable(options);
  } catch (error) {
    throw openError(error, directories);
  }
}

async function openWritable(options: OpenStoreOptions): Promise<LocalStore> {
  const { directories, settings = {} } = options;
  const { stateDir } = directories;
  // Before anything is written: a store of another schema is left as it is.
  readSchema(stateDir);
  createLayout(directories);
  accessSync(directories.realStoreDir, constants.R_OK | constants.W_OK);
  const bigLock = LockFile.open(join(stateDir, 'db/big-lock'));
  try {
    const journal = await lockShared(bigLock, options);
    const isNew = readSchema(stateDir) === undefined;
    const database = await Database.open({
      file: join(stateDir, 'db/db.sqlite'),
      readOnly: false,
      create: isNew,
      journal,
      synchronous: (settings.fsyncMetadata ?? true) ? 'normal' : 'off',
    });
    try {
      await reserveSpace(stateDir);
      // Creating tables that exist changes nothing, so it does not matter if two processes get here at once.
      if (isNew) await writeSchema(stateDir);
    } catch (error) {
      database.close();
      throw error;
    }
    const parts = {
      directories,
      database,
      derivations: new Derivations(directories, database),
      tempRoots: new TempRoots(stateDir),
      fsyncStorePaths: settings.fsyncStorePaths ?? false,
      autoOptimise: settings.autoOptimise ?? false,
      caseHack: caseHackOf(settings),
      collecting: { ...defaultCollecting, ...settings.collecting },
      availableBytes: options.availableBytes,
      takeBack: options.takeBack,
    };
    return new LocalStore(parts, { bigLock, denied: undefined });
  } catch (error) {
    bigLock.close();
    throw error;
  }
}

async function openAsAllowed(options: OpenStoreOptions): Promise<LocalStore> {
  try {
    return await openWritable(options);
  } catch (error) {
    if (!isDenied(error) || readSchema(options.directories.stateDir) === undefined) throw error;
    return await openReadOnly(options, openError(error, options.directories));
  }
}

function isDenied(error: unknown): boolean {
  if (isAirplantError(error)) return error.code === 'ERR_STORE_READ_ONLY';
  return ['EACCES', 'EPERM', 'EROFS'].includes((error as NodeJS.ErrnoException).code ?? '');
}

/** `denied`: why it cannot be opened otherwise. */
async function openReadOnly(options: OpenStoreOptions, denied?: unknown): Promise<LocalStore> {
  const { directories, settings = {} } = options;
  const { stateDir } = directories;
  if (readSchema(stateDir) === undefined) {
    throw new AirplantError('ERR_STORE_OPEN', `there is no store with its state in ${quote(stateDir)}`, {
      details: { stateDir },
    });
  }
  const database = await Database.open({
    file: join(stateDir, 'db/db.sqlite'),
    readOnly: true,
    create: false,
    ...journalToRead(options),
    synchronous: 'normal',
  });
  const parts = {
    directories,
    database,
    derivations: new Derivations(directories, database),
    tempRoots: new TempRoots(stateDir),
    fsyncStorePaths: false,
    autoOptimise: false,
    caseHack: caseHackOf(settings),
    collecting: { ...defaultCollecting, ...settings.collecting },
  };
  return new LocalStore(parts, { bigLock: undefined, denied });
}

/** What those who write to the store decide (see `lockShared`); that its locks work, only they can try. */
function journalToRead({ directories, settings = {}, ...options }: OpenStoreOptions) {
  if (settings.useSqliteWal !== undefined)
    return { journal: settings.useSqliteWal ? 'wal' : 'truncate' } as const;
  const type = (options.fileSystemType ?? fileSystemType)(directories.stateDir);
  const { journal } = decideJournal({ type, locksWork: true });
  return journal === 'none' ? ({ journal: 'wal', unlocked: true } as const) : { journal };
}

const defaultCollecting: CollectSettings = {
  keepOutputs: false,
  keepDerivations: true,
  minFree: 0,
  maxFree: Number.MAX_SAFE_INTEGER,
  minFreeCheckInterval: 5,
};

function caseHackOf({ useCaseHack = process.platform === 'darwin' }: StoreSettings): boolean {
  return useCaseHack;
}

/**
 * Takes the lock that an upgrade of the schema takes exclusively, which is also how it is found out whether locks
 * work there at all. Returns the journal mode to use.
 */
async function lockShared(bigLock: LockFile, options: OpenStoreOptions): Promise<'wal' | 'truncate'> {
  const { directories, settings = {}, onWarning, signal } = options;
  let locksWork = true;
  try {
    await bigLock.lock('shared', {
      signal,
      onWait: () => onWarning?.('waiting for the big Nix store lock...'),
    });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (!['ENOLCK', 'ENOSYS', 'EOPNOTSUPP', 'ENOTSUP'].includes(code ?? '')) throw error;
    locksWork = false;
  }
  const type = (options.fileSystemType ?? fileSystemType)(directories.stateDir);
  const decision = decideJournal({ type, locksWork });
  if (decision.journal === 'none') {
    throw new AirplantError(
      'ERR_STORE_FILESYSTEM',
      `no store can be kept in ${quote(directories.stateDir)}: ${decision.why}`,
      { details: { stateDir: directories.stateDir, type } },
    );
  }
  if (settings.useSqliteWal !== undefined) return settings.useSqliteWal ? 'wal' : 'truncate';
  if (decision.journal === 'truncate') {
    onWarning?.(
      `${decision.why}: the store in ${directories.stateDir} is slower there; 'use-sqlite-wal = false' silences this`,
    );
  }
  return decision.journal;
}

function openError(error: unknown, { realStoreDir, stateDir }: StoreDirectories): unknown {
  const { code, path } = error as NodeJS.ErrnoException;
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') {
    return new AirplantError(
      'ERR_STORE_OPEN',
      `the store in ${quote(realStoreDir)} cannot be opened: no permission for ${quote(path ?? stateDir)}`,
      { cause: error, details: { path: path ?? stateDir } },
    );
  }
  if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ELOOP' || code === 'ENAMETOOLONG') {
    return new AirplantError('ERR_STORE_OPEN', `no store can be in ${quote(realStoreDir)}: ${code}`, {
      cause: error,
      details: { path: path ?? stateDir },
    });
  }
  return storeError(error, `opening the store in ${quote(realStoreDir)}`);
}
