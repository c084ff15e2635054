/** One path of `nix-store --dump-db`. */
export interface DumpedPath {
  /** Hex. */
  readonly hash: string;
  readonly narSize: number;
  /** Empty if there is none. */
  readonly deriver: string;
  /** Sorted. */
  readonly references: readonly string[];
}

/** Reads what `nix-store --dump-db` prints. */
export function parseDump(text: string): Map<string, DumpedPath> {
  const paths = new Map<string, DumpedPath>();
  const lines = text.trimEnd().split('\n');
  for (let i = 0; i < lines.length; ) {
    const [path, hash, narSize, deriver, count] = lines.slice(i, i + 5) as [
      string,
      string,
      string,
      string,
      string,
    ];
    const references = lines.slice(i + 5, i + 5 + Number(count)).sort();
    paths.set(path, { hash, narSize: Number(narSize), deriver, references });
    i += 5 + references.length;
  }
  return paths;
}

/** What `.schema` of the sqlite3 program prints. */
export async function schemaOf(file: string): Promise<string> {
  const { DatabaseSync } = await import('@photostructure/sqlite');
  const database = new DatabaseSync(file, { readOnly: true });
  try {
    const rows = database.prepare('select sql from sqlite_master where sql is not null order by rowid').all();
    return rows.map(({ sql }: { sql: string }) => `${sql};\n`).join('');
  } finally {
    database.close();
  }
}
