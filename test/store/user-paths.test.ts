import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { openStore } from '../../ts/index.js';
import { BuildLogs } from '../../ts/store/build-logs.js';
import { requires } from '../support/requires.js';
import { temporaryDirectory } from '../support/temporary.js';

// Directories a user chooses that cannot be made: below /proc, where mkdir(2) says ENOENT for ever, and below a file.
const directory = temporaryDirectory('user-paths');
const file = join(directory, 'file');
writeFileSync(file, '');
const impossible = ['/proc/none', join(file, 'x')];

test('a result link', requires('linux'), async () => {
  await using store = await openStore({ store: join(directory, 'root') });
  const path = await store.local.addText({ name: 'x', contents: '', references: [] });
  for (const place of impossible) {
    for (const link of [join(place, 'link'), join(place, 'deep/link')]) {
      await assert.rejects(store.local.makeResultLink({ link, path }), {
        code: 'ERR_FILE',
        message: /cannot be made: its directory cannot be made: (ENOENT|ENOTDIR)$/,
      });
    }
  }
  const auto = join(store.local.directories.stateDir, 'gcroots/auto');
  mkdirSync(auto, { recursive: true });
  assert.deepEqual(readdirSync(auto), []);
});

test('the directory of logs', requires('linux'), async () => {
  const drvPath = `/nix/store/${'0'.repeat(32)}-x.drv`;
  for (const place of impossible) {
    const logs = new BuildLogs({
      storeDir: '/nix/store',
      realStoreDir: directory,
      stateDir: directory,
      logDir: place,
    });
    await assert.rejects(logs.create(drvPath), /writing the log/);
  }
});

test('the directory of the cache: without it, everything works', requires('linux'), () => {
  const module = (name: string) => JSON.stringify(new URL(`../../ts/${name}.js`, import.meta.url));
  const script = `
    const { stripTypes } = await import(${module('cli/strip-types')});
    const { findSpecialFile } = await import(${module('sandbox/special-files')});
    console.log(stripTypes('const a: 1 = 1;', 'a.ts'));
    console.log(await findSpecialFile(process.argv[1], process.env.XDG_CACHE_HOME + '/directories'));`;
  const many = join(directory, 'many');
  for (let index = 0; index < 2000; index++)
    mkdirSync(join(many, `directory-${index}`, 'x'), { recursive: true });
  for (const place of impossible) {
    const output = execFileSync(process.execPath, ['--input-type=module', '-e', script, many], {
      encoding: 'utf8',
      env: { ...process.env, XDG_CACHE_HOME: place },
      timeout: 60_000,
    });
    assert.equal(output, 'const a    = 1;\nundefined\n');
  }
});
