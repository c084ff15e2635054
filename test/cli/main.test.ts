import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { statSync } from 'node:fs';
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

test('nothing of the engine is loaded to print help', () => {
  const script = `
    import { registerHooks, register } from 'node:module';
    process.argv.splice(1, 0, '${main}', '--help');
    await import('${main}');
    const heavy = process.moduleLoadList.filter((name) => /child_process|worker_threads|crypto|sqlite/.test(name));
    if (heavy.some((name) => name.startsWith('NativeModule child_process'))) throw new Error(heavy.join(', '));
  `;
  const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    encoding: 'utf8',
    env,
  });
  assert.equal(status, 0, stderr);
});

test('what package.json calls the program can be started', () => {
  assert.match(spawnSync('head', ['-1', main], { encoding: 'utf8' }).stdout, /^#!\/usr\/bin\/env node\n/);
  assert.ok(statSync(main).isFile());
});
