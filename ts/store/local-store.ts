import { AirplantError } from '../base/errors.js';
import { quote } from '../base/quote.js';
import { encodeText } from '../base/text.js';
import type { Derivation } from '../derivation/derivation.js';
import type { NarAccessor } from '../formats/nar/accessor.js';
import type { CancelOptions } from '../native.js';
import type { NarToAdd } from './add-nar.js';
import type { PathToAdd } from './add-path.js';
import type { TextToAdd } from './add-text.js';
import { BuildLogs } from './build-logs.js';
import type { AutoCollector } from './collect/auto-collector.js';
import type { Holder } from './collect/holders.js';
import type { ListedPath } from './collect/list-paths.js';
import type {
  CollectListener,
  CollectReport,
  CollectSettings,
  KeepSettings,
  Root,
} from './collect/records.js';
import { invalidPath } from './database.js';
import type { DatabaseCheckOptions, DatabaseProblem } from './database-check.js';
import type { StoreDirectories } from './directories.js';
import type { PathToFetch } from './fetch-path.js';
import type { LockFile } from './lock-file.js';
import type { LinkStatistics } from './optimise/link-statistics.js';
import type { OptimisedStore, OptimiseOptions } from './optimise/optimise-store.js';
import type { PathInfo } from './path-info.js';
import type { PlaceOptions } from './place.js';
import type { OutputToRegister } from './register-outputs.js';
import type { KeptContents } from './replace-paths.js';
import { realPathOf, type StoreParts, storeError } from './store-parts.js';
import type { ImportChoices } from './transfer/import-paths.js';
import type { RegisterChoices } from './transfer/register-paths.js';
import type { VerifiedStore, VerifyStoreOptions } from './verify/verify-store.js';
import type { PathCondition } from './verify-path.js';
import { unlessAborted } from './waiting.js';
import type { Reference } from './why/chains.js';
import type { ExplainedReference, WhyOptions } from './why/why-depends.js';

/** Locks on store paths, held until released. */
export interface HeldLocks {
  /** `delete` once the paths are valid: the lock files go then. Calling it again is harmless. */
  release(options: { readonly delete: boolean }): void;
}

/** Paths that no collector deletes until they are released. */
export interface ReleasablePaths {
  /** Calling it again is harmless. */
  release(): void;
}

/** How to wait for what somebody else is doing. */
export interface StoreWaitOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called once, before the first wait, with the (logical) paths somebody else has locked. */
  readonly onWait?: ((busyPaths: string[]) => void) | undefined;
}

/** How to collect, or to look at what would be collected. What is not given is as the store's settings say. */
export interface StoreCollectOptions extends Partial<KeepSettings> {
  readonly signal?: AbortSignal | undefined;
  readonly onEvent?: CollectListener | undefined;
}

/**
 * A store on this disk. Paths are full logical store paths (`/nix/store/…`), whatever the store's directory on the
 * host is called. Questions are answered at once, from the database; what changes the store returns a promise.
 *
 * What changes a store is loaded when it is first asked for: most programs only ask.
 *
 * Every method throws ERR_STORE_PATH for a path that is none, ERR_STORE_CLOSED after `close`, and what changes a store
 * opened for reading throws ERR_STORE_READ_ONLY.
 */
export class LocalStore implements AsyncDisposable {
  readonly directories: StoreDirectories;
  readonly readOnly: boolean;
  readonly logs: BuildLogs;
  /** Names on disk may carry the suffix of the case hack, and hashes are made without it. */
  readonly caseHack: boolean;
  readonly #parts: StoreParts;
  readonly #bigLock: LockFile | undefined;
  /** Why a store that was to be written to can only be read. */
  readonly #denied: unknown;
  readonly #held = new Set<string>();
  readonly #changes = new Map<Promise<unknown>, AbortController>();
  #closed: Promise<void> | undefined;
  #autoCollector: AutoCollector | undefined;

  /** For `openLocalStore` alone. */
  constructor(
    parts: StoreParts,
    { bigLock, denied }: { readonly bigLock: LockFile | undefined; readonly denied: unknown },
  ) {
    this.directories = parts.directories;
    this.readOnly = bigLock === undefined;
    this.logs = new BuildLogs(parts.directories);
    this.caseHack = parts.caseHack;
    this.#parts = { ...parts, makeRoom: (signal) => this.makeRoom({ signal }) };
    this.#bigLock = bigLock;
    this.#denied = denied;
  }

  /** What collectors go by unless they are told otherwise. */
  get collecting(): CollectSettings {
    return this.#parts.collecting;
  }

  /** Where the path lies on the host. It need not exist. */
  realPath(path: string): string {
    return realPathOf(this.directories, path);
  }

  isValid(path: string): boolean {
    return this.#parts.database.isValid(path);
  }

  /** Those of the paths that are not valid, in their order. */
  invalidPaths(paths: Iterable<string>): string[] {
    const all = [...paths];
    for (const path of all) this.realPath(path);
    return this.#parts.database.invalidPaths(all);
  }

  /** Throws ERR_PATH_INVALID. */
  pathInfo(path: string): PathInfo {
    const info = this.#parts.database.pathInfo(path);
    if (!info) throw invalidPath(path);
    return info;
  }

  /** All valid paths, in no order. */
  validPaths(): string[] {
    return this.#parts.database.validPaths();
  }

  /** Sorted, with the path itself if it refers to itself. Throws ERR_PATH_INVALID. */
  references(path: string): string[] {
    const references = this.#parts.database.references(path);
    if (!references) throw invalidPath(path);
    return references;
  }

  /** Valid paths that refer to this one, sorted; none for a path that is not valid. */
  referrers(path: string): string[] {
    return this.#parts.database.referrers(path);
  }

  /** The paths and everything they refer to over any distance, references first. Throws ERR_PATH_INVALID. */
  closure(paths: Iterable<string>): string[] {
    return this.#parts.database.closure(paths);
  }

  /** The same paths, references first. Throws ERR_PATH_INVALID. */
  topologicalSort(paths: Iterable<string>): string[] {
    return this.#parts.database.topologicalSort(paths);
  }

  /** Known output paths by output name of a valid derivation. Throws ERR_PATH_INVALID. */
  derivationOutputs(drvPath: string): Map<string, string> {
    const outputs = this.#parts.database.derivationOutputs(drvPath);
    if (outputs.size === 0 && !this.isValid(drvPath)) throw invalidPath(drvPath);
    return outputs;
  }

  /** The valid path with this hash part (32 digits), if there is one. */
  pathFromHashPart(hashPart: string): string | undefined {
    return this.#parts.database.pathFromHashPart(this.directories.storeDir, hashPart);
  }

  /** Valid derivations with this output, whether or not one of them made it. */
  validDerivers(path: string): string[] {
    return this.#parts.database.validDerivers(path);
  }

  /** Throws ERR_PATH_INVALID if it is not valid, ERR_DERIVATION_SYNTAX if it is no derivation. */
  readDerivation(drvPath: string): Derivation {
    return this.#parts.derivations.read(drvPath);
  }

  /** What a valid `.drv` file holds: it need not be read while that is in memory anyway. */
  rememberDerivation(drvPath: string, derivation: Derivation): void {
    this.#parts.derivations.remember(drvPath, derivation);
  }

  /** Whether the contents of a path are those that are registered: all of it is read. Throws ERR_PATH_INVALID. */
  async verifyPath(path: string, options: CancelOptions = {}): Promise<PathCondition> {
    const { verifyPath } = await import('./verify-path.js');
    return await this.#read(`verifying ${quote(path)}`, () => verifyPath(this.#parts, path, options));
  }

  /** What is wrong with the database itself, whatever the files are like. Nothing is changed. */
  async checkDatabase(options: DatabaseCheckOptions = {}): Promise<DatabaseProblem[]> {
    return await this.#read('checking the database', () =>
      this.#parts.database.check(this.directories.storeDir, options),
    );
  }

  /** Looks for damage in the whole store, or in some of its paths; see there. */
  async verifyStore(options: VerifyStoreOptions = {}): Promise<VerifiedStore> {
    const { verifyStore } = await import('./verify/verify-store.js');
    const verify = (signal: AbortSignal) => verifyStore(this.#parts, { ...options, signal });
    return await this.#change('verifying', verify, options.signal);
  }

  /** Replaces equal files of all valid paths by hard links to one; see there. */
  async optimise(options: OptimiseOptions = {}): Promise<OptimisedStore> {
    const { optimiseStore } = await import('./optimise/optimise-store.js');
    const optimise = (signal: AbortSignal) => optimiseStore(this.#parts, { ...options, signal });
    return await this.#change('optimising', optimise, options.signal);
  }

  /** Why one valid path depends on another: the references, and the files they are in; undefined if it does not. */
  async whyDepends(between: Reference, options: WhyOptions = {}): Promise<ExplainedReference[] | undefined> {
    const { whyDepends } = await import('./why/why-depends.js');
    return await this.#read(`searching ${quote(between.from)}`, () =>
      whyDepends(this.#parts, between, options),
    );
  }

  /** What hard links save. */
  async linkStatistics(): Promise<LinkStatistics> {
    const { linkStatistics } = await import('./optimise/link-statistics.js');
    return await this.#read('counting links', async () => linkStatistics(this.#parts));
  }

  /**
   * Copies the contents of a path to `destination` on the host, which must not exist; nothing is checked. Throws
   * ERR_PATH_INVALID, also when the path is gone from the disk.
   */
  async copyOut(path: string, destination: string, options: CancelOptions = {}): Promise<void> {
    const { copyOut } = await import('./copy-out.js');
    await this.#read(`copying ${quote(path)}`, () => copyOut(this.#parts, path, destination, options));
  }

  /**
   * Looks into a valid path as into its NAR, of which nothing is made: files are read when they are asked for. Throws
   * ERR_PATH_INVALID, also when the path is gone from the disk. It does not protect the path from collectors.
   */
  async openNar(path: string): Promise<NarAccessor> {
    const { openNar } = await import('./nar-sources/open-nar.js');
    return await this.#read(`reading ${quote(path)}`, () => openNar(this.#parts, path));
  }

  /**
   * Protects paths from collectors until the store is closed. They need not be valid yet, and whether they are is to
   * be asked afterwards. A store opened for reading cannot protect anything, and does nothing.
   */
  async addTempRoot(...paths: readonly string[]): Promise<void> {
    await this.addTempRoots(paths);
  }

  /** The same for any number of paths, more than a call has room for as arguments: all with one write. */
  async addTempRoots(paths: Iterable<string>, options: CancelOptions = {}): Promise<void> {
    if (this.readOnly) return;
    const add = (signal: AbortSignal) => this.#parts.tempRoots.add(paths, signal);
    await this.#change('protecting paths', add, options.signal);
  }

  /**
   * Protects paths until they are released, or the store is closed: for who works through many paths, a part at a time. A
   * collector that runs when they are released may still spare them.
   */
  async protect(paths: readonly string[], options: CancelOptions = {}): Promise<ReleasablePaths> {
    return await this.#change(
      'protecting paths',
      async (signal) => {
        const scope = this.#parts.tempRoots.scope();
        try {
          await scope.add(paths, signal);
        } catch (error) {
          scope.close();
          throw error;
        }
        return { release: () => scope.close() };
      },
      options.signal,
    );
  }

  /**
   * Locks paths against every other process, and against others in this one; all, or it waits with none. The paths
   * become temporary roots, since a collector would take the lock files away.
   */
  async lockPaths(paths: Iterable<string>, options: StoreWaitOptions = {}): Promise<HeldLocks> {
    const logical = [...paths];
    const real = logical.map((path) => this.realPath(path));
    const take = async (signal: AbortSignal) => {
      const { PathLocks } = await import('./locks.js');
      await this.#parts.tempRoots.add(logical, signal);
      return this.#hold(real, await PathLocks.take(real, this.#placeOptions({ ...options, signal })));
    };
    return await this.#change('locking paths', take, options.signal);
  }

  /** The same without a wait: undefined while somebody else has one of them. */
  async tryLockPaths(paths: Iterable<string>): Promise<HeldLocks | undefined> {
    const logical = [...paths];
    const real = logical.map((path) => this.realPath(path));
    return await this.#change('locking paths', async (signal) => {
      const { PathLocks } = await import('./locks.js');
      await this.#parts.tempRoots.add(logical, signal);
      const locks = PathLocks.tryTake(real);
      return typeof locks === 'string' ? undefined : this.#hold(real, locks);
    });
  }

  /** Adds a text, as `builtins.toFile` does, and returns its path. See `addTexts`. */
  async addText(text: {
    readonly name: string;
    readonly contents: string | Uint8Array;
    readonly references: readonly string[];
  }): Promise<string> {
    const contents = typeof text.contents === 'string' ? encodeText(text.contents) : text.contents;
    const [info] = await this.addTexts([{ ...text, contents }]);
    return info!.path;
  }

  /** Adds texts in one transaction. They may refer to one another. */
  async addTexts(texts: readonly TextToAdd[], options: StoreWaitOptions = {}): Promise<PathInfo[]> {
    const add = async (signal: AbortSignal) => {
      const { addTexts } = await import('./add-text.js');
      return await addTexts(this.#parts, texts, this.#placeOptions({ ...options, signal }));
    };
    return await this.#change('adding texts', add, options.signal);
  }

  /** Adds a file or tree of the host under an address of its content. */
  async addPath(path: PathToAdd, options: StoreWaitOptions = {}): Promise<PathInfo> {
    const add = async (signal: AbortSignal) => {
      const { addPath } = await import('./add-path.js');
      return await addPath(this.#parts, path, this.#placeOptions({ ...options, signal }));
    };
    return await this.#change(`adding ${quote(path.source)}`, add, options.signal);
  }

  /** Adds a path of another store from its NAR, after checking that it is what that store says. */
  async addNar(nar: NarToAdd, options: StoreWaitOptions = {}): Promise<PathInfo> {
    const add = async (signal: AbortSignal) => {
      const { addNar } = await import('./add-nar.js');
      return await addNar(this.#parts, nar, this.#placeOptions({ ...options, signal }));
    };
    return await this.#change(`adding ${quote(nar.info.path)}`, add, options.signal);
  }

  /** Adds a path that somebody else has, after checking that what comes is what they say. */
  async fetchPath(path: PathToFetch, options: StoreWaitOptions = {}): Promise<PathInfo> {
    const fetch = async (signal: AbortSignal) => {
      const { fetchPath } = await import('./fetch-path.js');
      return await fetchPath(this.#parts, path, this.#placeOptions({ ...options, signal }));
    };
    return await this.#change(`fetching ${quote(path.info.path)}`, fetch, options.signal);
  }

  /**
   * Paths as one stream, which `importPaths` and `nix-store --import` read: exactly these, each once, references first, in
   * constant memory. They are compared with what is registered on their way. See `exportPaths` for what it throws.
   */
  async *exportPaths(
    paths: Iterable<string>,
    options: CancelOptions = {},
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const { exportPaths } = await import('./transfer/export-paths.js');
    yield* exportPaths(this.#parts, paths, { ...options, protect: !this.readOnly });
  }

  /** Adds the paths of such a stream, each once all of it has come, and returns them in its order. */
  async importPaths(
    source: AsyncIterable<Uint8Array>,
    { signal, onWait, ...how }: StoreWaitOptions & ImportChoices = {},
  ): Promise<string[]> {
    const add = async (signal: AbortSignal) => {
      const { importPaths } = await import('./transfer/import-paths.js');
      return await importPaths(this.#parts, source, { ...how, ...this.#placeOptions({ signal, onWait }) });
    };
    return await this.#change('importing paths', add, signal);
  }

  /**
   * What is registered of these paths, or of all, in the text form of `nix-store --dump-db`, a record at a time. Throws
   * ERR_PATH_INVALID.
   */
  async *dumpDatabase(paths?: Iterable<string>): AsyncGenerator<string, void, undefined> {
    const { dumpDatabase } = await import('./transfer/dump-database.js');
    yield* dumpDatabase(this.#parts, paths);
  }

  /**
   * Makes paths valid whose contents lie in the store already, as such a text says, all or none. Returns their number. See
   * `registerPaths` for what it throws.
   */
  async registerPaths(
    text: AsyncIterable<Uint8Array>,
    { signal, onWait, ...how }: StoreWaitOptions & RegisterChoices = {},
  ): Promise<number> {
    const register = async (signal: AbortSignal) => {
      const { registerPaths } = await import('./transfer/register-paths.js');
      return await registerPaths(this.#parts, text, { ...how, ...this.#placeOptions({ signal, onWait }) });
    };
    return await this.#change('registering paths', register, signal);
  }

  /**
   * Moves outputs into place and registers them, all or none; what is valid already stays. Paths that are locked by
   * `lockPaths` of this store are taken for locked by the caller, the others are locked meanwhile.
   */
  async registerOutputs(
    outputs: readonly OutputToRegister[],
    options: StoreWaitOptions = {},
  ): Promise<PathInfo[]> {
    const heldLocks = { holds: (path: string) => this.#held.has(path) };
    const register = async (signal: AbortSignal) => {
      const { registerOutputs } = await import('./register-outputs.js');
      return await registerOutputs(this.#parts, outputs, {
        ...this.#placeOptions({ ...options, signal }),
        heldLocks,
      });
    };
    return await this.#change('registering outputs', register, options.signal);
  }

  /**
   * Replaces the damaged contents of a valid path by what somebody else has, after checking that it is what they say.
   * Returns what could not be deleted of the old ones. Contents that turn out to be good stay.
   */
  async refetchPath(path: PathToFetch, options: StoreWaitOptions = {}): Promise<KeptContents[]> {
    const refetch = async (signal: AbortSignal) => {
      const { refetchPath } = await import('./refetch-path.js');
      return await refetchPath(this.#parts, path, this.#placeOptions({ ...options, signal }));
    };
    return await this.#change(`repairing ${quote(path.info.path)}`, refetch, options.signal);
  }

  /**
   * Gives outputs the place of what lies at their paths, valid or not, and registers them, all or none. Returns what
   * could not be deleted of the old contents. Locks are as for `registerOutputs`.
   */
  async replaceOutputs(
    outputs: readonly OutputToRegister[],
    options: StoreWaitOptions = {},
  ): Promise<KeptContents[]> {
    const heldLocks = { holds: (path: string) => this.#held.has(path) };
    const replace = async (signal: AbortSignal) => {
      const { replaceOutputs } = await import('./register-outputs.js');
      return await replaceOutputs(this.#parts, outputs, {
        ...this.#placeOptions({ ...options, signal }),
        heldLocks,
      });
    };
    return await this.#change('replacing outputs', replace, options.signal);
  }

  /** Notes that valid paths have been built here, as `ultimate` says in the database. The caller has their locks. */
  async markUltimate(paths: readonly string[], { signal }: CancelOptions = {}): Promise<void> {
    const others = paths.map((path) => this.pathInfo(path)).filter(({ ultimate }) => !ultimate);
    if (others.length === 0) return;
    const registrations = others.map((info) => ({ info: { ...info, ultimate: true } }));
    const register = (signal: AbortSignal) => this.#parts.database.register(registrations, signal);
    await this.#change('registering what has been checked', register, signal);
  }

  /** All roots, sorted by what makes them roots. Stale ones are removed, as Nix does, unless the store is open for reading. */
  async findRoots(options: StoreCollectOptions & { readonly censor?: boolean } = {}): Promise<Root[]> {
    const { signal, onEvent = () => {}, censor } = options;
    const onNote = (message: string) => onEvent({ type: 'collect.note', message });
    return await this.#read('finding roots', async () => {
      const { findAllRoots } = await import('./collect/find-roots.js');
      return await findAllRoots(this.#parts, { removeStale: !this.readOnly, censor, onNote, signal });
    });
  }

  /**
   * What lives by some root, or what `collectGarbage` would delete; sorted, with leftovers that are no valid paths. Of a store
   * that is open for reading, as it was a moment ago: collectors of others are not kept away meanwhile.
   */
  async listPaths(which: 'live' | 'dead', options: StoreCollectOptions = {}): Promise<ListedPath[]> {
    const list = async (signal: AbortSignal | undefined) => {
      const { listPaths } = await import('./collect/list-paths.js');
      const { readOnly } = this;
      return await listPaths(this.#parts, which, { ...this.#collecting(options, signal), readOnly });
    };
    const what = 'looking for garbage';
    if (this.readOnly) return await this.#read(what, () => list(options.signal));
    return await this.#change(what, list, options.signal);
  }

  /** Deletes what no root needs, until more than `maxFreed` bytes are freed. Others may build and add meanwhile. */
  async collectGarbage(
    options: StoreCollectOptions & { readonly maxFreed?: number | undefined } = {},
  ): Promise<CollectReport> {
    return await this.#collectGarbage({ ...options, ifBusy: 'wait' });
  }

  async #collectGarbage(
    options: StoreCollectOptions & {
      readonly maxFreed?: number | undefined;
      readonly ifBusy: 'wait' | 'give up';
    },
  ): Promise<CollectReport> {
    const { maxFreed, ifBusy } = options;
    const collect = async (signal: AbortSignal) => {
      const { collectGarbage } = await import('./collect/collect-garbage.js');
      return await collectGarbage(this.#parts, {
        ...this.#collecting(options, signal),
        maxFreed,
        ifBusy,
      });
    };
    return await this.#change('collecting garbage', collect, options.signal);
  }

  /**
   * Collects garbage if fewer bytes than `min-free` are left on the disk, until there are `max-free`; resolves when that
   * has been done, whatever came of it. Adding and registering paths does so by itself.
   */
  async makeRoom(options: Pick<StoreCollectOptions, 'signal' | 'onEvent'> = {}): Promise<void> {
    const { minFree } = this.#parts.collecting;
    if (minFree === 0 || this.readOnly || this.#closed) return;
    const { AutoCollector, availableBytes } = await import('./collect/auto-collector.js');
    this.#autoCollector ??= new AutoCollector({
      settings: this.#parts.collecting,
      // Whoever waits for room may have locks that the holder of `gc.lock` waits for.
      collect: (collecting) => this.#collectGarbage({ ...collecting, ifBusy: 'give up' }),
      available: this.#parts.availableBytes ?? (() => availableBytes(this.directories.realStoreDir)),
    });
    await unlessAborted(this.#autoCollector.check(options.onEvent ?? (() => {})), options.signal);
  }

  /** The roots that keep at least one of the paths, also those that do so by `keep-outputs` or `keep-derivations`. */
  async findHolders(
    paths: readonly string[],
    options: StoreCollectOptions & { readonly asNixQuery?: boolean } = {},
  ): Promise<Holder[]> {
    const { signal, onEvent = () => {}, asNixQuery } = options;
    const onNote = (message: string) => onEvent({ type: 'collect.note', message });
    return await this.#read('finding roots', async () => {
      const { findHolders } = await import('./collect/holders.js');
      const finding = { removeStale: !this.readOnly, onNote, signal, asNixQuery };
      return await findHolders(this.#parts, paths, { ...finding, ...this.#keeping(options) });
    });
  }

  /**
   * Deletes these paths, or none; with `ignoreLiveness` also such that a root needs. Throws ERR_PATH_IN_USE for one that
   * lives, or that another path refers to.
   */
  async deletePaths(
    paths: readonly string[],
    options: StoreCollectOptions & { readonly ignoreLiveness?: boolean } = {},
  ): Promise<CollectReport> {
    for (const path of paths) this.realPath(path);
    const remove = async (signal: AbortSignal) => {
      const { deletePaths } = await import('./collect/collect-garbage.js');
      const { ignoreLiveness = false } = options;
      return await deletePaths(this.#parts, paths, { ...this.#collecting(options, signal), ignoreLiveness });
    };
    return await this.#change('deleting paths', remove, options.signal);
  }

  /** Adds the `.drv` file of a derivation and returns its path. */
  async writeDerivation(derivation: Derivation): Promise<string> {
    const [drvPath] = await this.writeDerivations([derivation]);
    return drvPath!;
  }

  /** Adds the `.drv` files of derivations, which may depend on one another in any order. Returns their paths in order. */
  async writeDerivations(derivations: readonly Derivation[]): Promise<string[]> {
    const { writeDerivations } = await import('./new-derivations.js');
    return await writeDerivations(derivations, this);
  }

  /** Makes what a link points at a root while the link exists. Returns the path of the entry in `gcroots/auto`. */
  async addIndirectRoot(link: string): Promise<string> {
    return await this.#change('adding a root', async () => {
      const { addIndirectRoot } = await import('./roots.js');
      return await addIndirectRoot(this.directories, link);
    });
  }

  /**
   * Makes or replaces a link to a store path, `result` say, and registers it as a root. Throws ERR_PATH_INVALID before
   * anything is made if the path is not valid, and as `makeResultLink`.
   */
  async makeResultLink(result: { readonly link: string; readonly path: string }): Promise<void> {
    this.realPath(result.path);
    await this.#change('adding a root', async (signal) => {
      const { makeResultLink } = await import('./roots.js');
      await this.#parts.tempRoots.add([result.path], signal);
      if (!this.isValid(result.path)) throw invalidPath(result.path);
      await makeResultLink(this.directories, result);
      // A real Nix that collects may have looked for links already, and looks for temporary roots when we are gone.
      await this.#parts.tempRoots.tellAgain([result.path], signal);
    });
  }

  /**
   * Stops the changes under way, which reject with ERR_ABORTED and leave nothing half done, and ends the protection of
   * temporary roots. Resolves when the store is closed; at once, within the call, if nothing was under way. Calling it
   * again is harmless.
   */
  close(): Promise<void> {
    if (!this.#closed) {
      const changes = [...this.#changes];
      this.#closed =
        changes.length === 0 ? Promise.resolve() : this.#closeAfter(changes.map(([change]) => change));
      const reason = new AirplantError('ERR_ABORTED', `the store in ${quote(this.#name)} was closed`);
      for (const [, stop] of changes) stop.abort(reason);
      if (changes.length === 0) this.#release();
    }
    return this.#closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #closeAfter(changes: readonly Promise<unknown>[]): Promise<void> {
    await Promise.allSettled(changes);
    this.#release();
  }

  #release(): void {
    this.#parts.tempRoots.close();
    this.#parts.database.close();
    this.#bigLock?.close();
  }

  get #name(): string {
    return this.directories.realStoreDir;
  }

  /** Notes the locks as this store's own, until they are released. */
  #hold(real: readonly string[], locks: HeldLocks): HeldLocks {
    for (const path of real) this.#held.add(path);
    let released = false;
    return {
      release: (how) => {
        if (released) return;
        released = true;
        for (const path of real) this.#held.delete(path);
        locks.release(how);
      },
    };
  }

  /**
   * Work that changes the store, stopped by the caller's signal and by `close`; errors of the operating system become
   * AirplantErrors that say during what.
   */
  async #change<T>(
    what: string,
    work: (signal: AbortSignal) => Promise<T>,
    signal?: AbortSignal | undefined,
  ): Promise<T> {
    if (this.readOnly) {
      const why = this.#denied instanceof Error ? `: ${this.#denied.message}` : '';
      throw new AirplantError(
        'ERR_STORE_READ_ONLY',
        `the store in ${quote(this.#name)} is open for reading only${why}`,
        { cause: this.#denied },
      );
    }
    if (this.#closed) {
      throw new AirplantError('ERR_STORE_CLOSED', `${what}: the store in ${quote(this.#name)} is closed`);
    }
    const stop = new AbortController();
    const change = work(signal ? AbortSignal.any([signal, stop.signal]) : stop.signal);
    this.#changes.set(change, stop);
    try {
      return await change;
    } catch (error) {
      throw storeError(error, `${what} in the store ${quote(this.#name)}`);
    } finally {
      this.#changes.delete(change);
    }
  }

  /** Work that takes a while but changes nothing. */
  async #read<T>(what: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw storeError(error, `${what} in the store ${quote(this.#name)}`);
    }
  }

  #collecting<Signal extends AbortSignal | undefined>(
    { onEvent = () => {}, ...given }: StoreCollectOptions,
    signal: Signal,
  ) {
    return { ...this.#keeping(given), onEvent, signal };
  }

  #keeping(given: Partial<KeepSettings>): KeepSettings {
    const { collecting } = this.#parts;
    return {
      keepOutputs: given.keepOutputs ?? collecting.keepOutputs,
      keepDerivations: given.keepDerivations ?? collecting.keepDerivations,
    };
  }

  /** Locks know where paths really lie; callers want to hear what they are called. */
  #placeOptions({ signal, onWait }: StoreWaitOptions): PlaceOptions {
    const { storeDir, realStoreDir } = this.directories;
    return {
      signal,
      onWait: onWait && ((busy) => onWait([`${storeDir}${busy.slice(realStoreDir.length)}`])),
    };
  }
}
