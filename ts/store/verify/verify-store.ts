import { join } from 'node:path';
import { AirplantError } from '../../base/errors.js';
import { quote } from '../../base/quote.js';
import { compareText } from '../../base/text.js';
import { isStorePath } from '../../formats/store-path.js';
import { invalidPath } from '../database.js';
import { LockFile } from '../lock-file.js';
import { namesIn } from '../names-in.js';
import { realPathOf, type StoreParts } from '../store-parts.js';
import type { Finding } from './finding.js';
import { verifyContents } from './verify-contents.js';
import { verifyExistence } from './verify-existence.js';
import { verifyLinks } from './verify-links.js';

export interface VerifyStoreOptions {
  /** Valid paths; all of them without it, and what else lies in the store. */
  readonly paths?: readonly string[] | undefined;
  /** Read everything and compare hashes. Default false: it is enough that it exists. */
  readonly checkContents?: boolean | undefined;
  /** Remove files of `.links` that are not what they are called. */
  readonly removeBadLinks?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  /** What is done next, in the words of Nix. */
  readonly onPhase?: ((message: string) => void) | undefined;
  /** Each at once, in the order in which they are found. */
  readonly onFinding?: ((finding: Finding) => void) | undefined;
  readonly onProgress?:
    | ((progress: { readonly done: number; readonly expected: number }) => void)
    | undefined;
}

export interface VerifiedStore {
  /** In the order of what was done; paths in that of their names. */
  readonly findings: readonly Finding[];
  /** How many of the valid paths there are. */
  readonly paths: number;
  /** How many files of `.links` have been read. */
  readonly links: number;
}

/** Parts of a store, and whom to tell. */
export interface VerifyContext {
  readonly parts: StoreParts;
  readonly signal: AbortSignal | undefined;
  find(finding: Finding): void;
}

/**
 * Verifies a store as `nix-store --verify` does, but for repairs: valid paths must exist, and with `checkContents` hold
 * what is registered, as must the files of `.links`. As there, a missing path that no valid one refers to is forgotten,
 * and hashes and sizes that the database lacks are filled in. No collector runs meanwhile, ours or Nix's.
 *
 * Of a whole store the database is checked first, which Nix does not; with `checkContents` its indexes, too. Where its pages
 * are broken that is all: what it says of paths is not to be relied upon.
 *
 * Throws ERR_PATH_INVALID if one of `paths` is not valid, ERR_STORE_OPEN for a store directory in which nothing of the whole
 * store is, and the reason of an aborted signal.
 */
export async function verifyStore(parts: StoreParts, options: VerifyStoreOptions): Promise<VerifiedStore> {
  const { signal, onPhase, onFinding } = options;
  const findings: Finding[] = [];
  const context: VerifyContext = {
    parts,
    signal,
    find: (finding) => {
      findings.push(finding);
      onFinding?.(finding);
    },
  };
  for (const path of options.paths ?? []) {
    realPathOf(parts.directories, path);
    if (!parts.database.isValid(path)) throw invalidPath(path);
  }
  onPhase?.('reading the Nix store...');
  const collectorLock = LockFile.open(join(parts.directories.stateDir, 'gc.lock'));
  try {
    await collectorLock.lock('shared', {
      signal,
      onWait: () => onPhase?.('waiting for the big garbage collector lock...'),
    });
    if (options.paths === undefined && (await findDatabaseProblems(context, options)))
      return { findings, paths: 0, links: 0 };
    // Read first: what is registered from now on need not be in it.
    const entries = new Set(namesIn(parts.directories.realStoreDir));
    onPhase?.('checking path existence...');
    const paths = options.paths ?? parts.database.validPaths();
    if (options.paths === undefined) refuseEmptyStore(parts, paths, entries);
    const existing = await verifyExistence(context, paths, entries);
    if (options.paths === undefined) findUnregistered(context, entries);
    if (!options.checkContents) return { findings, paths: existing.length, links: 0 };
    let links = 0;
    if (options.paths === undefined) {
      onPhase?.('checking link hashes...');
      links = await verifyLinks(context, { remove: options.removeBadLinks ?? false });
    }
    onPhase?.('checking store hashes...');
    const before = findings.splice(0);
    await verifyContents(context, existing, options.onProgress);
    const inOrder = findings.toSorted((a, b) => compareText(pathOf(a), pathOf(b)));
    return { findings: [...before, ...inOrder], paths: existing.length, links };
  } finally {
    collectorLock.close();
  }
}

/**
 * A store directory without any of several valid paths, nor anything else, is more likely not mounted than lost. Nix would
 * forget every path.
 */
function refuseEmptyStore(
  { directories: { storeDir, realStoreDir } }: StoreParts,
  paths: readonly string[],
  entries: ReadonlySet<string>,
): void {
  if (paths.length < 2) return;
  if ([...entries].some((name) => isStorePath(storeDir, `${storeDir}/${name}`))) return;
  throw new AirplantError(
    'ERR_STORE_OPEN',
    `none of the ${paths.length} valid paths is in the store directory ${quote(realStoreDir)}, which is empty`,
    {
      hint: 'Mount what belongs there. If it is gone for good, name the paths, and they are forgotten: `airplant verify PATH...`.',
      details: { realStoreDir, paths: paths.length },
    },
  );
}

/** True if it cannot be relied upon. */
async function findDatabaseProblems(
  { parts, signal, find }: VerifyContext,
  { checkContents: thorough }: VerifyStoreOptions,
): Promise<boolean> {
  const problems = await parts.database.check(parts.directories.storeDir, { thorough, signal });
  for (const { kind, message } of problems)
    find({ kind: 'database', state: 'error', problem: kind, detail: message });
  return problems.some(({ kind }) => kind === 'pages');
}

function pathOf(finding: Finding): string {
  return 'path' in finding ? finding.path : '';
}

function findUnregistered({ parts, find }: VerifyContext, entries: ReadonlySet<string>): void {
  const { storeDir, realStoreDir } = parts.directories;
  for (const name of [...entries].sort()) {
    if (name === '.links' || name.endsWith('.lock')) continue;
    if (parts.database.isValid(`${storeDir}/${name}`)) continue;
    find({ kind: 'unregistered', state: 'note', entry: join(realStoreDir, name) });
  }
}
