import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { resolveStoreDirectories } from '../../ts/store/directories.js';
import { openLocalStore } from '../../ts/store/open-store.js';
import { requires } from '../support/requires.js';
import { openTestStore } from '../support/stores.js';
import { temporaryDirectory } from '../support/temporary.js';

// Whatever processors airplant itself is bound to, what it starts may run on all of them.
const directory = temporaryDirectory('processors');
const needs = requires('user-namespaces', 'program:taskset', 'program:busybox');
const look = 'grep Cpus_allowed_list: /proc/self/status';
const wide = ['-c', '0-8191'];
const all = needs.skip ? '' : execFileSync('taskset', [...wide, ...look.split(' ')], { encoding: 'utf8' });
const skip = needs.skip || (/[-,]/.test(all) ? false : 'this machine has one processor');
const narrow = ['-c', /\d+/.exec(all)?.[0] ?? '0'];

/** Standard output of a program of ours that is bound to one processor. */
function runBound(args: readonly string[], env: NodeJS.ProcessEnv = {}): string {
  return execFileSync('taskset', [...narrow, process.execPath, ...args], {
    encoding: 'utf8',
    env: {
      PATH: process.env['PATH'],
      HOME: directory,
      NIX_CONF_DIR: directory,
      XDG_CONFIG_DIRS: directory,
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

test('the test itself would show a difference', { skip }, () => {
  assert.notEqual(execFileSync('taskset', [...narrow, ...look.split(' ')], { encoding: 'utf8' }), all);
});

test('builders run on all processors', { skip }, () => {
  const launchOnce = fileURLToPath(new URL('programs/launch-once.js', import.meta.url));
  assert.equal(runBound([launchOnce, look]).replace('\r', ''), all);
});

const main = fileURLToPath(new URL('../../ts/main.js', import.meta.url));

test('programs of a chroot store run on all processors', { skip }, async () => {
  const root = join(directory, 'root');
  await using store = await openTestStore(root);
  const { path } = await store.addPath({ name: 'looks', source: program() });
  assert.equal(runBound([main, 'run', '--store', root, path]), all);
});

test('programs of a store in its place run on all processors', { skip }, async () => {
  const env = { NIX_STORE_DIR: join(directory, 'own/store') };
  await using store = await openLocalStore({ directories: resolveStoreDirectories({ env }), env: {} });
  const { path } = await store.addPath({ name: 'looks', source: program() });
  assert.equal(runBound([main, 'run', path], env), all);
});

/** A directory with a program that looks. */
function program(): string {
  const made = join(directory, 'program');
  mkdirSync(join(made, 'bin'), { recursive: true });
  writeFileSync(join(made, 'bin/looks'), `#!/bin/sh\n${look}\n`, { mode: 0o755 });
  return made;
}
