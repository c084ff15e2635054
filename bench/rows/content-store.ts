import { randomFillSync } from 'node:crypto';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { resolveStoreDirectories } from '../../ts/store/directories.js';
import { openLocalStore } from '../../ts/store/open-store.js';
import type { Workspace } from '../harness/workspace.js';

/** What `makeContentStore` makes. */
export interface StoreContents {
  readonly paths: number;
  readonly filesPerPath: number;
  /** Files of 64 MiB, each in a path of its own. */
  readonly largeFiles: number;
}

/** Fills a chroot store with trees of random files of up to 64 KiB; of three files two are equal to ones of other paths. */
export async function makeContentStore(workspace: Workspace, contents: StoreContents): Promise<string> {
  const root = workspace.directory('contents');
  const source = workspace.directory('source');
  await using store = await openLocalStore({
    directories: resolveStoreDirectories({ store: root, env: {} }),
    env: {},
  });
  const shared = Buffer.alloc(1024 * 1024);
  randomFillSync(shared);
  for (let path = 0; path < contents.paths; path++) {
    const tree = join(source, 'tree');
    for (let file = 0; file < contents.filesPerPath; file++) {
      const directory = join(tree, `d${file % 10}`);
      mkdirSync(directory, { recursive: true });
      writeFileSync(join(directory, `f${file}`), contentsOf(shared, path, file));
    }
    await store.addPath({ name: `tree-${path}`, source: tree });
    rmSync(tree, { recursive: true });
  }
  for (let file = 0; file < contents.largeFiles; file++) {
    writeFileSync(join(source, 'large'), randomFillSync(Buffer.alloc(64 * 1024 * 1024)));
    await store.addPath({ name: `large-${file}`, source: join(source, 'large') });
  }
  return root;
}

function contentsOf(shared: Buffer, path: number, file: number): Buffer {
  const size = (file * 7919) % (64 * 1024);
  if (file % 3 === 0) return randomFillSync(Buffer.alloc(size));
  const at = ((path % 5) * 4096 + file * 512) % (shared.length - size);
  return shared.subarray(at, at + size);
}
