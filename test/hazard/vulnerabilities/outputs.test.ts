import assert from 'node:assert/strict';
import { lstatSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { requires } from '../../support/requires.js';
import { temporaryDirectory } from '../../support/temporary.js';
import { attack, inStore } from './hostile-builds.js';

// What others can do with what a builder makes, before it is canonical.
const needs = requires('user-namespaces', 'program:busybox');
const directory = temporaryDirectory('vulnerable-outputs');

for (const filtered of [true, false]) {
  test(
    `Nix 1.11.10, CVE-2024-52867: no set-user-id program ${filtered ? 'is made' : 'is ever within reach of others'}`,
    needs,
    async () => {
      const settings = { 'filter-syscalls': filtered };
      await inStore(directory, settings, async (store) => {
        const { realStoreDir } = store.local.directories;
        const script = `bb mkdir $out; bb cp /bin/busybox $out/x; bb chmod 6755 $out/x; bb chmod 777 /build /nix/store
        echo ready; while bb test ! -e /build/go; do bb sleep 0.1; done`;
        const run = store.build([attack(script)]);
        let modes: number[] = [];
        for await (const event of run) {
          if (event.type !== 'build.log' || !Buffer.from(event.chunk).toString().includes('ready')) continue;
          const scratch = join(
            realStoreDir,
            readdirSync(realStoreDir).find((name) => name.endsWith('.chroot'))!,
          );
          modes = setIdModes(scratch);
          assert.equal(lstatSync(scratch).mode & 0o7777, 0o700, 'nobody else gets to it');
          writeFileSync(join(scratch, 'build/go'), '');
        }
        assert.deepEqual(modes, filtered ? [] : [0o6755], 'with the filter it is not made, without it is');
        const { error, outputs } = (await run.result).results[0]!;
        assert.equal(error, undefined);
        assert.equal(lstatSync(join(store.local.realPath(outputs['out']!), 'x')).mode & 0o7777, 0o555);
        assert.deepEqual(setIdModes(realStoreDir), []);
      });
    },
  );
}

/** The modes of all files below a directory that have such bits. */
function setIdModes(top: string): number[] {
  return readdirSync(top, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => lstatSync(join(entry.parentPath, entry.name)).mode & 0o7777)
    .filter((mode) => (mode & 0o6000) !== 0);
}
