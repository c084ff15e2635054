import type { Connection } from './connection.js';
import { PreparedStatements } from './prepared-statements.js';
import type { Value } from './sqlite-database.js';

/** A row of ValidPaths, as collectors see it. */
export interface GarbageRow {
  readonly id: number;
  readonly path: string;
  readonly narSize: number;
}

/** What one transaction has made invalid. */
export interface Invalidated {
  readonly rows: readonly GarbageRow[];
  /** Paths that nothing but those referred to. */
  readonly released: readonly GarbageRow[];
}

/**
 * The SQL of collectors, part of `Database`. Paths go by their ids, which are never used twice: a path that is registered
 * again is another row. Lists of ids go in as JSON and come out as one text, which is many times faster than a row each.
 */
const sql = {
  last: 'select coalesce(max(id), 0) from ValidPaths',
  ids: `select group_concat(id || ' ' || path, char(10)) from ValidPaths
    where path in (select value from json_each(?))`,
  // `.` follows `-` in ASCII: everything that begins with the hash part and a dash.
  idsOfHashPart: "select id from ValidPaths where path >= ? || '-' and path < ? || '.'",
  paths: 'select id, path, narSize from ValidPaths where id > ? and id <= ? order by id limit ?',
  unreferenced: `select id, path, narSize from ValidPaths v where id > ? and id <= ?
    and not exists (select 1 from Refs where reference = v.id and referrer <> v.id) order by id limit ?`,
  references: `select group_concat(reference) from
    (select distinct reference from Refs where referrer in (select value from json_each(?)))`,
  referrers: `select group_concat(referrer) from
    (select distinct referrer from Refs where reference in (select value from json_each(?)))`,
  outputs: `select group_concat(id) from (select distinct v.id from DerivationOutputs d
    join ValidPaths v on v.path = d.path where d.drv in (select value from json_each(?)))`,
  derivers: `select group_concat(id) from (select distinct d.id from ValidPaths v
    join ValidPaths d on d.path = v.deriver where v.id in (select value from json_each(?)))`,
  derivations: `select group_concat(id) from (select distinct v.id from ValidPaths o
    join DerivationOutputs d on d.path = o.path join ValidPaths v on v.id = d.drv
    where o.id in (select value from json_each(?)))`,
  madeBy: `select group_concat(id) from (select distinct o.id from ValidPaths v
    join DerivationOutputs d on d.drv = v.id join ValidPaths o on o.path = d.path and o.deriver = v.path
    where v.id in (select value from json_each(?)))`,
  // Of what keeps and what it keeps.
  referrerPairs: `select referrer, reference from Refs
    where reference in (select value from json_each(?)) and referrer <> reference`,
  derivationPairs: `select d.drv, o.id from ValidPaths o join DerivationOutputs d on d.path = o.path
    where o.id in (select value from json_each(?))`,
  outputPairs: `select o.id, d.drv from DerivationOutputs d join ValidPaths o on o.path = d.path
    where d.drv in (select value from json_each(?))`,
  madePairs: `select o.id, v.id from ValidPaths v cross join ValidPaths o on o.deriver = v.path
    where v.id in (select value from json_each(?)) and v.path like '%.drv'`,
  row: 'select id, path, narSize from ValidPaths where id = ?',
  rowOfPath: 'select id, path, narSize from ValidPaths where path = ?',
  isReferenced: 'select 1 from Refs where reference = ? and referrer <> ? limit 1',
  referencesOfOne: 'select reference from Refs where referrer = ? and reference <> referrer',
  invalidate: 'delete from ValidPaths where id = ?',
} as const;

type ListQuery = 'references' | 'referrers' | 'outputs' | 'derivers' | 'derivations' | 'madeBy';

export class GarbageQueries {
  readonly #connection: Connection;
  readonly #statements: PreparedStatements<keyof typeof sql>;

  /** For `Database` alone. */
  constructor(connection: Connection) {
    this.#connection = connection;
    this.#statements = new PreparedStatements(connection, sql);
    // Paths are looked up in no order: with the usual 2 MB nearly every one would be read from the file. In KiB.
    connection.exec('pragma cache_size = -65536');
  }

  /** To be called before the connection is closed. */
  close(): void {
    this.#statements.clear();
  }

  /** What is registered from now on gets a greater id. */
  lastId(): number {
    return this.#get('last')![0] as number;
  }

  /** Of those that are valid, by their paths. */
  idsOf(paths: readonly string[]): Map<string, number> {
    const text = this.#get('ids', JSON.stringify(paths))![0] as string | null;
    const ids = new Map<string, number>();
    for (const line of text === null ? [] : text.split('\n')) {
      const end = line.indexOf(' ');
      ids.set(line.slice(end + 1), Number(line.slice(0, end)));
    }
    return ids;
  }

  rowById(id: number): GarbageRow | undefined {
    const row = this.#get('row', id);
    return row && rowOf(row);
  }

  /** Undefined if the path is not valid. */
  rowOf(path: string): GarbageRow | undefined {
    const row = this.#get('rowOfPath', path);
    return row && rowOf(row);
  }

  /** Of valid paths that begin with `<storeDir>/<hash part>-`. */
  idsOfHashPart(storeDir: string, hashPart: string): number[] {
    const prefix = `${storeDir}/${hashPart}`;
    return this.#statements
      .get('idsOfHashPart')
      .all(prefix, prefix)
      .map(([id]) => id as number);
  }

  /** The next `limit` valid paths after one id up to another, in the order of their ids. */
  pathsBetween(after: number, last: number, limit: number): GarbageRow[] {
    return this.#statements.get('paths').all(after, last, limit).map(rowOf);
  }

  /** Those of them that nothing but themselves refers to. */
  unreferencedBetween(after: number, last: number, limit: number): GarbageRow[] {
    return this.#statements.get('unreferenced').all(after, last, limit).map(rowOf);
  }

  referencesOf(ids: readonly number[]): number[] {
    return this.#ids('references', ids);
  }

  referrersOf(ids: readonly number[]): number[] {
    return this.#ids('referrers', ids);
  }

  /** Valid outputs of those that are derivations. */
  outputsOf(ids: readonly number[]): number[] {
    return this.#ids('outputs', ids);
  }

  /** The valid derivations they were made by, as their registrations say. */
  deriversOf(ids: readonly number[]): number[] {
    return this.#ids('derivers', ids);
  }

  /** The valid derivations that say they make them. */
  derivationsOf(ids: readonly number[]): number[] {
    return this.#ids('derivations', ids);
  }

  /** Those valid outputs of derivations whose registrations say that these made them. */
  madeBy(ids: readonly number[]): number[] {
    return this.#ids('madeBy', ids);
  }

  /** What refers to them, each with what it refers to. */
  referrerPairs(ids: readonly number[]): [referrer: number, reference: number][] {
    return this.#pairs('referrerPairs', ids);
  }

  /** The valid derivations that say they make them, each with what it makes. */
  derivationPairs(ids: readonly number[]): [derivation: number, output: number][] {
    return this.#pairs('derivationPairs', ids);
  }

  /** The valid outputs of those that are derivations, each with its derivation. */
  outputPairs(ids: readonly number[]): [output: number, derivation: number][] {
    return this.#pairs('outputPairs', ids);
  }

  /** The paths whose registrations say that these derivations made them, each with its derivation. */
  madePairs(ids: readonly number[]): [made: number, derivation: number][] {
    return this.#pairs('madePairs', ids);
  }

  /**
   * Makes paths invalid, in one transaction: those that nothing else refers to and that `mayGo`, which is asked within
   * the transaction. The others stay as they are.
   */
  async invalidate(
    ids: readonly number[],
    mayGo: (row: GarbageRow) => boolean,
    signal?: AbortSignal,
  ): Promise<Invalidated> {
    return await this.#connection.write(() => {
      const rows: GarbageRow[] = [];
      const released: GarbageRow[] = [];
      for (const id of ids) {
        const found = this.#get('row', id);
        if (!found || this.#get('isReferenced', id, id)) continue;
        const row = rowOf(found);
        if (!mayGo(row)) continue;
        const references = this.#statements.get('referencesOfOne').all(id);
        this.#statements.get('invalidate').run(id);
        rows.push(row);
        for (const [reference] of references)
          if (!this.#get('isReferenced', reference!, reference!))
            released.push(rowOf(this.#get('row', reference!)!));
      }
      return { rows, released };
    }, signal);
  }

  #pairs(
    name: 'referrerPairs' | 'derivationPairs' | 'outputPairs' | 'madePairs',
    ids: readonly number[],
  ): [number, number][] {
    return this.#statements.get(name).all(JSON.stringify(ids)) as [number, number][];
  }

  #ids(name: ListQuery, list: readonly Value[]): number[] {
    const text = this.#get(name, JSON.stringify(list))![0] as string | null;
    return text === null ? [] : text.split(',').map(Number);
  }

  #get(name: keyof typeof sql, ...values: Value[]): Value[] | undefined {
    return this.#statements.get(name).get(...values);
  }
}

function rowOf([id, path, narSize]: Value[]): GarbageRow {
  return { id: id as number, path: path as string, narSize: (narSize as number | null) ?? 0 };
}
