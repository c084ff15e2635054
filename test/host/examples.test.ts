import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { requires } from '../support/requires.js';
import { temporaryDirectory } from '../support/temporary.js';

// What the README and examples/ promise, by the program itself.
const needs = requires('linux', 'user-namespaces', 'program:gcc');
const directory = temporaryDirectory('examples');
const checkout = fileURLToPath(new URL('../../..', import.meta.url));
const run = promisify(execFile);

async function airplant(...args: string[]): Promise<string> {
  const { stdout } = await run(process.execPath, [join(checkout, 'dist/ts/main.js'), ...args], {
    cwd: checkout,
  });
  return stdout.trimEnd();
}

test('examples/hello is built and greets', needs, async () => {
  const store = ['--store', join(directory, 'hello')];
  const path = await airplant('build', 'examples/hello', '--no-link', ...store);
  assert.match(path, /^\/nix\/store\/[0-9a-z]{32}-hello$/);
  assert.equal(await airplant('run', ...store, `${path}/bin/hello`), 'Hello from a sealed build!');
});

test('examples/sqlite comes out the same in two stores, and works', needs, async () => {
  const facts = await Promise.all(
    ['one', 'two'].map(async (name) => {
      const store = ['--store', join(directory, name)];
      const paths = (await airplant('build', 'examples/sqlite', '--no-link', ...store)).split('\n');
      return JSON.parse(await airplant('path-info', '--json', ...store, ...paths)) as { narHash: string }[];
    }),
  );
  assert.equal(facts[0]!.length, 2, 'a library and its headers');
  const hashes = facts.map((infos) => infos.map(({ narHash }) => narHash));
  assert.deepEqual(hashes[0], hashes[1]);
});
