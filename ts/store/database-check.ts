import type { Connection } from './connection.js';
import { schemaText } from './database-schema.js';
import { damaged } from './sqlite-errors.js';

// The SQL of database.ts that asks whether the database itself is sound.

/** Something wrong with the database itself, whatever the files of the store are like. */
export interface DatabaseProblem {
  /**
   * `pages`: what SQLite keeps is not in order, indexes included. `schema`: a table, index or trigger is missing.
   * `reference`: a row that speaks of a path with no row. `row`: a value that no store has.
   */
  readonly kind: 'pages' | 'schema' | 'reference' | 'row';
  /** One sentence. What comes from the database may hold anything. */
  readonly message: string;
}

export interface DatabaseCheckOptions {
  /** Also compares every index with its table, which takes several times as long. Default false. */
  readonly thorough?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Problems of one kind that are listed. */
const most = 100;

/** What schema 10 needs. Newer versions of Nix drop IndexReferrer, which the primary key of the table makes up for. */
const needed = [...schemaText.matchAll(/create (table|index|trigger) if not exists (\w+)/g)]
  .map(([, type, name]) => ({ type: type!, name: name! }))
  .filter(({ name }) => name !== 'IndexReferrer');

const columns: Readonly<Record<string, readonly string[]>> = {
  ValidPaths: ['id', 'path', 'hash', 'registrationTime', 'deriver', 'narSize', 'ultimate', 'sigs', 'ca'],
  Refs: ['referrer', 'reference'],
  DerivationOutputs: ['drv', 'id', 'path'],
};

const sql = {
  columns: `select m.name, c.name from sqlite_master m join pragma_table_info(m.name) c
    where m.type = 'table' and m.name in ('ValidPaths', 'Refs', 'DerivationOutputs')`,
  objects: 'select type, name from sqlite_master',
  quick: `pragma quick_check(${most})`,
  thorough: `pragma integrity_check(${most})`,
  orphans: 'pragma foreign_key_check',
  paths: `select id, path from ValidPaths where typeof(path) <> 'text'
    or substr(path, 1, length(?1) + 1) <> ?1 || '/' or substr(path, length(?1) + 2) not glob ?2
    or instr(substr(path, length(?1) + 2), '/') > 0 limit ${most}`,
  values: `select path from ValidPaths where typeof(hash) <> 'text' or hash not glob 'sha256:*' or length(hash) <> 71
    or typeof(registrationTime) <> 'integer' or typeof(narSize) not in ('integer', 'null') or narSize < 0
    or typeof(deriver) not in ('text', 'null') or typeof(sigs) not in ('text', 'null')
    or typeof(ca) not in ('text', 'null') limit ${most}`,
} as const;

const baseNames = `${'[0-9a-df-np-sv-z]'.repeat(32)}-?*`;

/** Throws ERR_STORE_DATABASE if a table or column is missing without which nothing can be asked. */
export function requireTables(connection: Connection): void {
  const found = connection.prepare(sql.columns).all();
  for (const [table, names] of Object.entries(columns)) {
    const present = found.flatMap(([owner, name]) => (owner === table ? [name] : []));
    if (present.length === 0) throw damaged(connection.file, `it has no table ${table}`);
    for (const name of names)
      if (!present.includes(name)) throw damaged(connection.file, `its table ${table} has no column ${name}`);
  }
}

/**
 * Everything that is wrong with a database: in its pages, its schema, and between its rows. Changes nothing, and
 * blocks the event loop during each step: some seconds in a database of a million paths.
 */
export async function checkDatabase(
  connection: Connection,
  storeDir: string,
  { thorough = false, signal }: DatabaseCheckOptions = {},
): Promise<DatabaseProblem[]> {
  const steps: (() => DatabaseProblem[])[] = [
    () => missingObjects(connection),
    () => brokenPages(connection, thorough),
    () => orphans(connection),
    () => strangeRows(connection, storeDir),
  ];
  const problems: DatabaseProblem[] = [];
  for (const step of steps) {
    signal?.throwIfAborted();
    problems.push(...step());
    // Where pages are broken, rows say nothing.
    if (problems.some(({ kind }) => kind === 'pages')) break;
    await new Promise<void>((resolve) => void setImmediate(resolve));
  }
  return problems;
}

function missingObjects(connection: Connection): DatabaseProblem[] {
  const found = new Set(
    connection
      .prepare(sql.objects)
      .all()
      .map(([type, name]) => `${type} ${name}`),
  );
  return needed
    .map(({ type, name }) => `${type} ${name}`)
    .filter((object) => !found.has(object))
    .map((object) => ({ kind: 'schema', message: `the ${object} is missing` }));
}

function brokenPages(connection: Connection, thorough: boolean): DatabaseProblem[] {
  const rows = connection.prepare(thorough ? sql.thorough : sql.quick).all();
  return rows
    .filter(([text]) => text !== 'ok')
    .map(([text]) => ({ kind: 'pages', message: String(text).trim() }));
}

function orphans(connection: Connection): DatabaseProblem[] {
  const rows = connection.prepare(sql.orphans).all().slice(0, most);
  return rows.map(([table, row, parent]) => ({
    kind: 'reference',
    message: `row ${row} of ${table} speaks of a row of ${parent} that does not exist`,
  }));
}

function strangeRows(connection: Connection, storeDir: string): DatabaseProblem[] {
  const paths = connection.prepare(sql.paths).all(storeDir, baseNames);
  const values = connection.prepare(sql.values).all();
  return [
    ...paths.map(([id, path]) => ({
      kind: 'row' as const,
      message: `row ${id} of ValidPaths has the path '${path}', which is none of ${storeDir}`,
    })),
    ...values.map(([path]) => ({
      kind: 'row' as const,
      message: `the row of '${path}' in ValidPaths has a hash, size, time, deriver or signature that is none`,
    })),
  ];
}
