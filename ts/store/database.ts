import { AirplantError } from '../base/errors.js';
import { compareText } from '../base/text.js';
import { formatHash, parseHash } from '../formats/hash.js';
import type { ConnectionOptions } from './connect.js';
import { Connection } from './connection.js';
import {
  checkDatabase,
  type DatabaseCheckOptions,
  type DatabaseProblem,
  requireTables,
} from './database-check.js';
import { schemaText } from './database-schema.js';
import { DatabaseUpkeep } from './database-upkeep.js';
import { GarbageQueries } from './garbage-queries.js';
import { findCycle, referencesFirst } from './graph.js';
import type { PathInfo } from './path-info.js';
import { PreparedStatements } from './prepared-statements.js';
import type { Value } from './sqlite-database.js';
import { damaged } from './sqlite-errors.js';

/** A path to be registered. */
export interface Registration {
  readonly info: PathInfo;
  /** If the path is a derivation: its outputs whose paths are known. */
  readonly outputs?: ReadonlyMap<string, string>;
}

/**
 * All SQL of airplant but that of collectors (garbage-queries.ts) and of database-check.ts: nobody else writes any.
 * Prepared when first used.
 */
const sql = {
  id: 'select id from ValidPaths where path = ?',
  info: 'select id, hash, registrationTime, deriver, narSize, ultimate, sigs, ca from ValidPaths where path = ?',
  invalid: `select value from json_each(?) where not exists (select 1 from ValidPaths where path = value)
    order by key`,
  all: 'select path from ValidPaths',
  page: 'select path from ValidPaths where path > ? order by path limit 1000',
  references: 'select path from Refs join ValidPaths on reference = id where referrer = ?',
  referrers:
    'select path from Refs join ValidPaths on referrer = id where reference = (select id from ValidPaths where path = ?)',
  fromHashPart: 'select path from ValidPaths where path >= ? order by path limit 1',
  derivers: 'select v.path from DerivationOutputs d join ValidPaths v on d.drv = v.id where d.path = ?',
  outputs: 'select d.id, d.path from DerivationOutputs d join ValidPaths v on d.drv = v.id where v.path = ?',
  // One row a path, and its references as ids in one text: many times faster than a row for each reference.
  nodes: `select id, path, (select group_concat(reference) from Refs where referrer = id)
    from ValidPaths where path in (select value from json_each(?))`,
  closure: `with recursive closure(id) as (
      select id from ValidPaths where path in (select value from json_each(?))
      union
      select reference from closure join Refs on referrer = closure.id)
    select v.id, v.path, (select group_concat(reference) from Refs where referrer = v.id)
    from closure cross join ValidPaths v on v.id = closure.id`,
  insert: `insert into ValidPaths (path, hash, registrationTime, deriver, narSize, ultimate, sigs, ca)
    values (?, ?, ?, ?, ?, ?, ?, ?)`,
  update: 'update ValidPaths set narSize = ?, hash = ?, ultimate = ?, sigs = ?, ca = ? where id = ?',
  dropReferences: 'delete from Refs where referrer = ?',
  addReference: 'insert or replace into Refs (referrer, reference) values (?, ?)',
  addOutput: 'insert or replace into DerivationOutputs (drv, id, path) values (?, ?, ?)',
} as const;

/** The store's database: what is valid, and what refers to what. Paths go in and out as logical store paths. */
export class Database {
  readonly upkeep: DatabaseUpkeep;
  readonly #connection: Connection;
  readonly #statements: PreparedStatements<keyof typeof sql>;
  #garbage: GarbageQueries | undefined;

  private constructor(connection: Connection) {
    this.#connection = connection;
    this.#statements = new PreparedStatements(connection, sql);
    this.upkeep = new DatabaseUpkeep(connection);
  }

  /** Opens the database; with `create` it gets its tables if it has none. Throws as `Connection.open`. */
  static async open(options: ConnectionOptions): Promise<Database> {
    const connection = await Connection.open(options);
    try {
      if (options.create) await connection.write(() => connection.exec(schemaText));
      requireTables(connection);
      return new Database(connection);
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  isValid(path: string): boolean {
    return this.#row('id', path) !== undefined;
  }

  /** Those of the paths that are not valid, in their order: far sooner than to ask for each. */
  invalidPaths(paths: readonly string[]): string[] {
    return this.#column('invalid', JSON.stringify(paths));
  }

  pathInfo(path: string): PathInfo | undefined {
    return this.#connection.read(() => {
      const row = this.#row('info', path);
      if (!row) return undefined;
      const references = this.#column('references', row[0]!).sort(compareText);
      try {
        return pathInfoOf(path, row, references);
      } catch (error) {
        throw damaged(this.#connection.file, `its row of '${path}' holds what no store's does`, error);
      }
    });
  }

  validPaths(): string[] {
    return this.#column('all');
  }

  /** All valid paths in the order of their bytes, some at a time: what changes meanwhile may be among them or not. */
  *sortedPaths(): Generator<string, void, undefined> {
    for (let page = this.#column('page', ''); page.length > 0; page = this.#column('page', page.at(-1)!))
      yield* page;
  }

  /** Sorted; undefined if the path is not valid. */
  references(path: string): string[] | undefined {
    return this.#connection.read(() => {
      const row = this.#row('id', path);
      return row && this.#column('references', row[0]!).sort(compareText);
    });
  }

  /** Valid paths that refer to the path, sorted. The path itself is one of them if it refers to itself. */
  referrers(path: string): string[] {
    return this.#column('referrers', path).sort(compareText);
  }

  /** Derivations in the store that say they make the path. */
  validDerivers(path: string): string[] {
    return this.#column('derivers', path).sort(compareText);
  }

  /** Path by output name, of a derivation in the store; outputs whose paths are not known have no entry. */
  derivationOutputs(drvPath: string): Map<string, string> {
    const rows = this.#all('outputs', drvPath) as [string, string][];
    return new Map(rows.sort(([a], [b]) => compareText(a, b)));
  }

  /** The valid path that begins with `<storeDir>/<hashPart>`. */
  pathFromHashPart(storeDir: string, hashPart: string): string | undefined {
    const prefix = `${storeDir}/${hashPart}-`;
    const path = this.#row('fromHashPart', prefix)?.[0] as string | undefined;
    return path?.startsWith(prefix) ? path : undefined;
  }

  /** The paths and all they refer to, over any distance; references first. Throws ERR_PATH_INVALID. */
  closure(paths: Iterable<string>): string[] {
    return this.#sorted('closure', paths);
  }

  /** The same paths, references first. Throws ERR_PATH_INVALID. */
  topologicalSort(paths: Iterable<string>): string[] {
    return this.#sorted('nodes', paths);
  }

  /**
   * Registers paths with their references, all or none: to be called when the files are in place. What is valid
   * already gets the new hash, size, signatures, content address and `ultimate`, as in Nix, and the new references in
   * place of the old ones, to which Nix adds them.
   *
   * Throws ERR_PATH_INVALID if a reference is neither valid nor registered along, and ERR_OUTPUT_REJECTED if the
   * references make a cycle.
   */
  async register(registrations: readonly Registration[], signal?: AbortSignal): Promise<void> {
    await this.#connection.write(() => {
      const ids = new Map<string, number>();
      const updated: string[] = [];
      for (const { info } of registrations) {
        const known = this.#row('id', info.path)?.[0] as number | undefined;
        if (known !== undefined) updated.push(info.path);
        ids.set(info.path, known === undefined ? this.#insert(info) : this.#update(known, info));
      }
      const idOf = (path: string) => ids.get(path) ?? (this.#row('id', path)?.[0] as number | undefined);
      for (const { info, outputs } of registrations) {
        const id = ids.get(info.path)!;
        for (const reference of info.references) {
          const referenceId = idOf(reference);
          if (referenceId === undefined) throw missingReference(info.path, reference);
          this.#statements.get('addReference').run(id, referenceId);
        }
        for (const [name, path] of outputs ?? []) this.#statements.get('addOutput').run(id, name, path);
      }
      this.#refuseCycle(registrations, updated);
    }, signal);
  }

  /** What is wrong with the database itself, paths being those of `storeDir`. Throws as any query. */
  async check(storeDir: string, options: DatabaseCheckOptions = {}): Promise<DatabaseProblem[]> {
    return await checkDatabase(this.#connection, storeDir, options);
  }

  /** What collectors ask, and how they make paths invalid. */
  get garbage(): GarbageQueries {
    this.#garbage ??= new GarbageQueries(this.#connection);
    return this.#garbage;
  }

  /**
   * Ends all access. SQLite has the files open until the last statement is gone, and statements cannot be ended: they are
   * let go here, and JavaScript's garbage collector does the rest, even while somebody keeps the closed store.
   */
  close(): void {
    this.#statements.clear();
    this.#garbage?.close();
    this.#connection.close();
  }

  #insert(info: PathInfo): number {
    const { lastInsertRowid } = this.#statements
      .get('insert')
      .run(
        info.path,
        formatHash(info.narHash, 'base16'),
        info.registrationTime || Math.floor(Date.now() / 1000),
        info.deriver ?? null,
        info.narSize,
        info.ultimate ? 1 : null,
        info.signatures.join(' ') || null,
        info.contentAddress ?? null,
      );
    return Number(lastInsertRowid);
  }

  #update(id: number, info: PathInfo): number {
    this.#statements
      .get('update')
      .run(
        info.narSize,
        formatHash(info.narHash, 'base16'),
        info.ultimate ? 1 : null,
        info.signatures.join(' ') || null,
        info.contentAddress ?? null,
        id,
      );
    this.#statements.get('dropReferences').run(id);
    return id;
  }

  /**
   * What was not valid before can only be in a cycle with paths registered along; what was valid may be referred
   * to by others, so there the whole closure is looked at.
   */
  #refuseCycle(registrations: readonly Registration[], updated: readonly string[]): void {
    const references = new Map(registrations.map(({ info }) => [info.path, info.references]));
    const referencesOf = (path: string) => references.get(path) ?? this.references(path) ?? [];
    const nodes =
      updated.length === 0 ? references.keys() : new Set([...references.keys(), ...this.closure(updated)]);
    const cycle = findCycle(nodes, referencesOf);
    if (cycle) {
      throw new AirplantError(
        'ERR_OUTPUT_REJECTED',
        `the references of ${cycle[0]} lead back to it by way of ${cycle.slice(1, -1).join(', ')}`,
        { hint: 'A path can only refer to paths that can be made before it.', details: { cycle } },
      );
    }
  }

  #sorted(query: 'closure' | 'nodes', paths: Iterable<string>): string[] {
    const wanted = new Set(paths);
    const rows = this.#all(query, JSON.stringify([...wanted])) as [number, string, string | null][];
    const pathOf = new Map(rows.map(([id, path]) => [id, path]));
    const references = new Map(rows.map(([, path, ids]) => [path, ids === null ? [] : pathsOf(ids, pathOf)]));
    for (const path of wanted) if (!references.has(path)) throw invalidPath(path);
    return referencesFirst(references.keys(), (path) => references.get(path)!);
  }

  #row(name: keyof typeof sql, ...values: Value[]): Value[] | undefined {
    return this.#statements.get(name).get(...values);
  }

  #all(name: keyof typeof sql, ...values: Value[]): Value[][] {
    return this.#statements.get(name).all(...values);
  }

  #column(name: keyof typeof sql, ...values: Value[]): string[] {
    return this.#all(name, ...values).map(([value]) => {
      if (typeof value === 'string') return value;
      throw damaged(this.#connection.file, 'it has a path that is no text');
    });
  }
}

/** The paths of a list of ids such as `1,5`, without the ids that are not in the map. */
function pathsOf(ids: string, pathOf: ReadonlyMap<number, string>): string[] {
  const paths: string[] = [];
  for (const id of ids.split(',')) {
    const path = pathOf.get(Number(id));
    if (path !== undefined) paths.push(path);
  }
  return paths;
}

/** The error for a path that ought to be valid. */
export function invalidPath(path: string): AirplantError {
  return new AirplantError('ERR_PATH_INVALID', `path '${path}' is not valid`, { details: { path } });
}

/** The error for a path that refers to one the store does not have. */
export function missingReference(path: string, reference: string): AirplantError {
  return new AirplantError(
    'ERR_PATH_INVALID',
    `'${path}' cannot be registered, because it refers to '${reference}', which is not valid`,
    { details: { path, reference } },
  );
}

function pathInfoOf(path: string, row: Value[], references: string[]): PathInfo {
  const [, hash, registrationTime, deriver, narSize, ultimate, signatures, contentAddress] = row;
  return {
    path,
    narHash: parseHash(hash as string),
    narSize: (narSize as number | null) ?? 0,
    references,
    ...(deriver === null ? {} : { deriver: deriver as string }),
    registrationTime: registrationTime as number,
    ultimate: ultimate === 1,
    signatures: signatures === null ? [] : (signatures as string).split(' ').filter((text) => text !== ''),
    ...(contentAddress === null ? {} : { contentAddress: contentAddress as string }),
  };
}
