import type { Connection } from './connection.js';
import type { Statement } from './sqlite-database.js';

/** The statements of a table of SQL by name, each prepared when it is first asked for. */
export class PreparedStatements<Name extends string> {
  readonly #connection: Connection;
  readonly #sql: Readonly<Record<Name, string>>;
  readonly #prepared = new Map<Name, Statement>();

  constructor(connection: Connection, sql: Readonly<Record<Name, string>>) {
    this.#connection = connection;
    this.#sql = sql;
  }

  get(name: Name): Statement {
    let statement = this.#prepared.get(name);
    if (!statement) {
      statement = this.#connection.prepare(this.#sql[name]);
      this.#prepared.set(name, statement);
    }
    return statement;
  }

  /** Lets them go; to be called before the connection is closed. The library has no other way of ending a statement. */
  clear(): void {
    this.#prepared.clear();
  }
}
