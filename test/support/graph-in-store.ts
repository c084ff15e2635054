import type { LocalStore } from '../../ts/store/local-store.js';

/** A path of a made-up graph. References are to earlier ones, and maybe to itself. */
export interface GraphNode {
  readonly path: string;
  readonly references: readonly string[];
  readonly deriver?: string;
  /** Of a derivation: what it says it makes, valid or not. */
  readonly outputs?: readonly string[];
}

/** Registers the nodes in a store's database, without any files. */
export async function registerGraph(store: LocalStore, nodes: readonly GraphNode[]): Promise<void> {
  const { Database } = await import('../../ts/store/database.js');
  const database = await Database.open({
    file: `${store.directories.stateDir}/db/db.sqlite`,
    readOnly: false,
    create: false,
    journal: 'wal',
    synchronous: 'off',
  });
  try {
    await database.register(
      nodes.map(({ path, references, deriver, outputs }) => ({
        info: {
          path,
          narHash: { algorithm: 'sha256', hex: '00'.repeat(32) },
          narSize: 1000,
          references,
          ...(deriver === undefined ? {} : { deriver }),
          registrationTime: 1,
          ultimate: false,
          signatures: [],
        },
        ...(outputs ? { outputs: new Map(outputs.map((output, i) => [`o${i}`, output])) } : {}),
      })),
    );
  } finally {
    database.close();
  }
}
