import { createReadStream, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hashBytes } from '../../../ts/formats/hash-bytes.js';
import { dumpTree, type NarTree } from '../../../ts/formats/nar/tree.js';
import { native } from '../../../ts/native.js';
import { Database } from '../../../ts/store/database.js';
import type { LocalStore } from '../../../ts/store/local-store.js';
import type { OutputToRegister } from '../../../ts/store/register-outputs.js';
import { damage } from '../damage.js';
import { openTestStore, somePath } from '../stores.js';
import { buildAndDamage, isDamagedBuild, verifyAndRepairAll } from './verify-and-repair.js';

/** Something that changes a store, to be interrupted at each of its steps (see crash-points.ts). */
export interface CrashOperation {
  /** Makes the store, and the files outside of it that are needed. Run once; every attempt works on a copy. */
  prepare?(store: LocalStore, scratch: string): Promise<void>;
  /** In a process of its own; again after an interruption, on what that has left. */
  run(store: LocalStore, scratch: string): Promise<void>;
  /** Whether it may take a path away that was valid before. Default: none. */
  removes?(path: string): boolean;
  /** Whether the path is damaged when it begins. Default: none. */
  damaged?(path: string): boolean;
  /** The store does not exist at first. */
  readonly fromNothing?: boolean;
}

/** All of them; a new one needs no more than its entry. */
export const crashOperations: Readonly<Record<string, CrashOperation>> = {
  'a new store': { fromNothing: true, run: async (store) => void (await addText(store, 'text')) },
  'add a text': {
    prepare: base,
    run: async (store) => void (await addText(store, 'more', [await addText(store, 'base')])),
  },
  'add a tree': {
    prepare: async (store, scratch) => {
      await base(store);
      makeTree(join(scratch, 'tree'));
    },
    run: async (store, scratch) => {
      const references = [await addText(store, 'base')];
      await store.addPath({ name: 'tree', source: join(scratch, 'tree'), references });
    },
  },
  'add an archive': {
    prepare: base,
    run: async (store) => {
      const nar = dumpTree({
        type: 'directory',
        entries: new Map<string, NarTree>([
          ['file', { type: 'regular', executable: true, contents: Buffer.from('contents') }],
          ['link', { type: 'symlink', target: 'file' }],
        ]),
      });
      const info = {
        path: somePath('n', 'unpacked'),
        narHash: hashBytes('sha256', nar),
        narSize: nar.length,
        references: [await addText(store, 'base')],
        registrationTime: 0,
        ultimate: false,
        signatures: [],
      };
      async function* source() {
        yield nar;
      }
      await store.addNar({ info, source: source() });
    },
  },
  'register outputs': {
    prepare: base,
    run: async (store, scratch) => {
      await store.registerOutputs(await makeOutputs(store, scratch));
    },
  },
  'replace outputs': {
    prepare: async (store, scratch) => {
      await base(store);
      const outputs = await makeOutputs(store, scratch);
      await store.registerOutputs(outputs);
      for (const { path } of outputs) await damage(store, path, 'a file too many');
    },
    damaged: (path) => path.endsWith('-out') || path.endsWith('-doc'),
    run: async (store, scratch) => {
      const outputs = await makeOutputs(store, scratch);
      await store.replaceOutputs(outputs);
    },
  },
  'fetch a damaged path again': {
    prepare: async (store, scratch) => {
      await base(store);
      makeTree(join(scratch, 'tree'));
      const { path } = await store.addPath({ name: 'fetched', source: join(scratch, 'tree') });
      await damage(store, path, 'a flipped bit');
    },
    damaged: (path) => path.endsWith('-fetched'),
    run: async (store, scratch) => {
      const path = store.validPaths().find((each) => each.endsWith('-fetched'))!;
      const fetch = async (destination: string) =>
        void (await native.copyTree(join(scratch, 'tree'), destination));
      await store.refetchPath({ info: store.pathInfo(path), fetch });
    },
  },
  'import paths': {
    prepare: async (store, scratch) => {
      await base(store);
      await otherStore(scratch, async (other, paths) => {
        await writeFile(join(scratch, 'stream'), other.exportPaths(paths));
      });
    },
    run: async (store, scratch) => void (await store.importPaths(createReadStream(join(scratch, 'stream')))),
  },
  'register what is there': {
    prepare: async (store, scratch) => {
      await base(store);
      await otherStore(scratch, async (other, paths) => {
        const [tree] = paths.slice(-1) as [string];
        await writeFile(join(scratch, 'registration'), other.dumpDatabase([tree]));
        await other.copyOut(tree, store.realPath(tree));
        await native.canonicaliseTree(store.realPath(tree));
      });
    },
    run: async (store, scratch) =>
      void (await store.registerPaths(createReadStream(join(scratch, 'registration')), { hashGiven: true })),
  },
  'collect garbage': {
    prepare: garbage,
    removes: isGarbage,
    run: async (store) => void (await store.collectGarbage()),
  },
  'delete paths': {
    prepare: garbage,
    removes: isGarbage,
    run: async (store) => void (await store.deletePaths(store.validPaths().filter(isGarbage))),
  },
  'verify a store from which paths are gone': {
    prepare: async (store) => {
      await garbage(store);
      for (const path of store.validPaths().filter(isGarbage))
        await damage(store, path, 'a path that is gone');
    },
    damaged: isGarbage,
    removes: isGarbage,
    run: async (store) => void (await store.verifyStore({ checkContents: true })),
  },
  'verify and repair': {
    prepare: async (store, scratch) => {
      await base(store);
      await buildAndDamage(store, scratch);
    },
    damaged: isDamagedBuild,
    run: verifyAndRepairAll,
  },
  optimise: {
    prepare: async (store, scratch) => {
      await base(store);
      makeTree(join(scratch, 'tree'));
      for (const name of ['one', 'two']) await store.addPath({ name, source: join(scratch, 'tree') });
    },
    run: async (store) => void (await store.optimise()),
  },
  'links and roots': {
    prepare: base,
    run: async (store, scratch) => {
      const path = await addText(store, 'linked');
      await store.makeResultLink({ link: join(scratch, 'result'), path });
      await store.markUltimate([path]);
    },
  },
};

/** What nobody may do: a path is valid before it is there. */
export const careless: CrashOperation = {
  prepare: base,
  run: async (store, scratch) => {
    const [output] = (await makeOutputs(store, scratch)).slice(1) as [OutputToRegister];
    if (store.isValid(output.path)) return;
    const { source, path, narHash, narSize } = output;
    const file = join(store.directories.stateDir, 'db/db.sqlite');
    const how = { readOnly: false, create: false, journal: 'wal', synchronous: 'normal' } as const;
    const database = await Database.open({ file, ...how });
    const rest = { references: [], registrationTime: 0, ultimate: true, signatures: [] };
    await database.register([{ info: { path, narHash, narSize, ...rest } }]);
    native.moveTree(source, store.realPath(output.path), 'no-replace');
  },
};

/** What every store has: two paths, one of which refers to the other, that nothing may happen to. */
async function base(store: LocalStore): Promise<void> {
  await addText(store, 'user', [await addText(store, 'base')]);
}

/** Beside paths that are rooted, some that are not, and what else collectors find. */
async function garbage(store: LocalStore): Promise<void> {
  await base(store);
  const user = store.validPaths().find((path) => path.endsWith('-user'))!;
  const { realStoreDir, stateDir } = store.directories;
  symlinkSync(user, join(stateDir, 'gcroots', 'kept'));
  const source = join(realStoreDir, 'left-by-somebody');
  makeTree(source);
  const { path } = await store.addPath({ name: 'garbage-tree', source });
  await addText(store, 'garbage-user', [path]);
  writeFileSync(join(realStoreDir, `${'0'.repeat(32)}-x.lock`), '');
}

function isGarbage(path: string): boolean {
  return path.includes('-garbage-');
}

/** Another store, of a text and a tree that refers to it. */
async function otherStore(
  scratch: string,
  use: (other: LocalStore, paths: readonly string[]) => Promise<void>,
): Promise<void> {
  makeTree(join(scratch, 'tree'));
  await using other = await openTestStore(join(scratch, 'other'));
  const text = await addText(other, 'base');
  const tree = await other.addPath({ name: 'moved', source: join(scratch, 'tree'), references: [text] });
  await use(other, [text, tree.path]);
}

async function addText(store: LocalStore, name: string, references: readonly string[] = []): Promise<string> {
  return await store.addText({ name, contents: `${name} ${references.join(' ')}`, references });
}

function makeTree(tree: string): void {
  mkdirSync(join(tree, 'sub', 'empty'), { recursive: true });
  writeFileSync(join(tree, 'sub', 'run'), '#!/bin/sh\n', { mode: 0o755 });
  writeFileSync(join(tree, 'file'), 'contents');
  writeFileSync(join(tree, 'same'), 'contents');
  symlinkSync('../nowhere', join(tree, 'sub', 'dangling'));
}

/** Two outputs, of which one refers to the other, made outside of the store. */
async function makeOutputs(store: LocalStore, scratch: string): Promise<OutputToRegister[]> {
  const reference = await addText(store, 'base');
  const [out, doc] = [somePath('a', 'out'), somePath('b', 'doc')];
  const wanted = [
    { path: out, references: [doc, reference] },
    { path: doc, references: [] },
  ];
  const beside = join(scratch, 'made');
  await native.removeTree(beside);
  mkdirSync(beside);
  const outputs: OutputToRegister[] = [];
  for (const [index, { path, references }] of wanted.entries()) {
    const source = join(beside, `${index}`);
    makeTree(source);
    writeFileSync(join(source, 'references'), references.join('\n'));
    await native.canonicaliseTree(source);
    const { hash: hex, narSize } = await native.hashTree(source, []);
    outputs.push({ path, source, narHash: { algorithm: 'sha256', hex }, narSize, references });
  }
  return outputs;
}
