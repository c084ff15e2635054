import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, statSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const main = fileURLToPath(new URL('../../ts/main.js', import.meta.url));
const env = {
  PATH: process.env['PATH'],
  HOME: '/nonexistent',
  NIX_CONF_DIR: '/nonexistent',
  XDG_CONFIG_DIRS: '/nonexistent',
};
const run = (...argv: string[]) => spawnSync(process.execPath, [main, ...argv], { encoding: 'utf8', env });

test('version, help and mistakes', () => {
  assert.match(run('--version').stdout, /^airplant \d/);
  assert.match(run('build', '--help').stdout, /^Usage: airplant build/);
  const wrong = run('biuld');
  assert.deepEqual([wrong.status, wrong.stdout], [2, '']);
  assert.match(wrong.stderr, /did you mean 'build'/);
  assert.doesNotMatch(wrong.stderr, /\n {4}at /);
});

test('a reader that goes away is no error to talk about', async () => {
  const child = spawn(process.execPath, [main, 'config'], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  child.stdout.destroy();
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const [status] = (await once(child, 'close')) as [number];
  assert.deepEqual([status, stderr], [141, '']);
});

test('a command that cannot stop tidily ends at the first interrupt', async () => {
  const child = spawn(process.execPath, [main, 'nar', 'ls', '-'], {
    env,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  setTimeout(() => child.kill('SIGINT'), 500);
  const [, signal] = (await once(child, 'exit')) as [number | null, string];
  assert.equal(signal, 'SIGINT');
});

// The program itself is loaded by import(), once the compile cache is on.
const importStatement = /^(?:import|export) .*?'([^']+)';$|^ {4}import\('([^']+)'\),$/gm;

test('starting the program loads a handful of small files and nothing of the engine', () => {
  const loaded = new Set([main]);
  const packages = new Set<string>();
  for (const file of loaded) {
    for (const [, fixed, awaited] of readFileSync(file, 'utf8').matchAll(importStatement)) {
      const specifier = (fixed ?? awaited)!;
      if (specifier.startsWith('.')) loaded.add(join(dirname(file), specifier));
      else packages.add(specifier);
    }
  }
  const names = [...loaded].map((file) => relative(dirname(main), file)).sort();
  assert.deepEqual(names, [
    'base/errors.js',
    'cli/broken-pipe.js',
    'cli/classic/command-words.js',
    'cli/interrupts.js',
    'cli/output.js',
    'cli/program.js',
    'cli/system-engine.js',
    'cli/verbs.js',
    'main.js',
  ]);
  assert.deepEqual([...packages], ['node:module']);
});

test('what package.json calls the program can be started', () => {
  assert.match(spawnSync('head', ['-1', main], { encoding: 'utf8' }).stdout, /^#!\/usr\/bin\/env node\n/);
  assert.ok(statSync(main).isFile());
});
