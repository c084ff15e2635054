/** What a column of the store's tables can hold. */
export type Value = string | number | null;

/** A prepared statement. Rows are arrays. */
export interface Statement {
  run(...values: Value[]): { changes: number | bigint; lastInsertRowid: number | bigint };
  get(...values: Value[]): Value[] | undefined;
  all(...values: Value[]): Value[][];
}

/** The part of node:sqlite's DatabaseSync that is used. */
export interface SqliteDatabase {
  readonly isOpen: boolean;
  readonly isTransaction: boolean;
  exec(sql: string): void;
  prepare(sql: string): Statement;
  close(): void;
}

/**
 * Opens the database with parameters of SQLite's URIs, or a copy of it, which may be written to. Throws the errors of
 * SQLite.
 */
export type Connect = (parameters: readonly string[], how?: { readonly copy: string }) => SqliteDatabase;
