import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { findProgram, requires } from '../support/requires.js';

// The real program, the real engine and a store of its own, from a module in TypeScript to the running result.
const needs = requires('user-namespaces', 'program:busybox');
const main = fileURLToPath(new URL('../../ts/main.js', import.meta.url));
let root = '';
let project = '';
let env: NodeJS.ProcessEnv = {};

before(() => {
  root = mkdtempSync(join(tmpdir(), 'airplant-cli-'));
  project = join(root, 'project');
  mkdirSync(project);
  env = {
    PATH: process.env['PATH'],
    HOME: root,
    SHELL: '/no/shell',
    NIX_CONF_DIR: root,
    XDG_CONFIG_DIRS: root,
    NIX_CONFIG: `store = ${join(root, 'store')}`,
  };
  const module = (name: string, script: string) => `
    import { derivation } from 'airplant';
    export const settings = { 'extra-sandbox-paths': ['/bin/busybox=${findProgram('busybox')}'] };
    const script: string = ${JSON.stringify(script)};
    export default derivation({ name: '${name}', builder: '/bin/busybox', args: ['sh', '-c', script] });
  `;
  const busybox = '/bin/busybox';
  writeFileSync(
    join(project, 'default.ts'),
    module(
      'greet-1.0',
      `echo making a greeting; ${busybox} mkdir -p $out/bin; printf '#!/bin/sh\\necho hello "$@"\\n' > $out/bin/greet; ${busybox} chmod +x $out/bin/greet`,
    ),
  );
  writeFileSync(join(project, 'fails.mts'), module('fails', 'echo the reason; exit 3'));
  writeFileSync(join(project, 'slow.mts'), module('slow', `echo begun; ${busybox} sleep 60`));
});
after(() => {
  airplant('store', 'remove', '--yes');
  rmSync(root, { recursive: true, force: true });
});

test('a failed build is kept, entered and removed', needs, () => {
  const failed = airplant('build', '-K', '--no-link', '--json', './fails.mts');
  assert.equal(failed.status, 100);
  const [{ drvPath, error }] = JSON.parse(failed.stdout);
  assert.match(error.keptDirectory, /-fails\.drv\.failed\/build$/);
  assert.match(failed.stderr, new RegExp(`^note: keeping build directory '${error.keptDirectory}'$`, 'm'));
  const entered = airplant('shell', '--failed', drvPath, '--', '/bin/busybox', 'sh', '-c', 'pwd; exit 4');
  assert.deepEqual([entered.status, entered.stdout], [4, '/build\n'], entered.stderr);
  assert.equal(airplant('store', 'remove-failed').stdout, `${drvPath}\n`);
  const gone = airplant('shell', '--failed', drvPath);
  assert.equal(gone.status, 1);
  assert.match(gone.stderr, /^error: no failed build of .* was kept\nhint: Build it with `--keep-failed`/);
});

test('a shell in a kept sandbox has a terminal of its own, and no directory of the host', needs, async () => {
  const failed = airplant('build', '-K', '--no-link', '--json', './fails.mts');
  const [{ drvPath }] = JSON.parse(failed.stdout);
  const inside = [
    '/bin/busybox',
    'sh',
    '-c',
    '/bin/busybox readlink /proc/self/fd/0; /bin/busybox stty size; exit 6',
  ];
  const command = ['shell', '--failed', drvPath, '--', ...inside].map((word) => `'${word}'`).join(' ');
  if (findProgram('script')) {
    const line = `tty; stty rows 20 cols 70; ${process.execPath} ${main} ${command}; echo ended $?; stty size`;
    const { stdout } = spawnSync('script', ['-qec', line, '/dev/null'], {
      cwd: project,
      env: { ...env, SHELL: '/bin/sh' },
      encoding: 'utf8',
      input: '',
    });
    const terminals = [...stdout.matchAll(/\/dev\/pts\/\d+|\/\d+(?=\r)/g)].map(([name]) => name);
    assert.notEqual(terminals[0], terminals[1], stdout);
    assert.match(stdout, /20 70\r?\nended 6\r?\n20 70/);
  }
  const through = spawnSync('sh', ['-c', `${process.execPath} ${main} ${command} < /`], {
    cwd: project,
    env,
    encoding: 'utf8',
  });
  assert.equal(through.status, 2);
  assert.match(through.stderr, /descriptor 0 is a directory, which no sandbox gets/);
  assert.deepEqual(JSON.parse(airplant('store', 'remove-failed', '--json').stdout), [drvPath]);
});

test('build, link, run, log, look, remove', needs, () => {
  const built = airplant('build');
  assert.equal(built.status, 0, built.stderr);
  assert.match(built.stderr, /default\.ts sets extra-sandbox-paths/);
  assert.match(built.stderr, /building '.*greet-1\.0\.drv'/);
  assert.match(built.stderr, /airplant run \.\/result/);
  const out = built.stdout.trim();
  assert.equal(readlinkSync(join(project, 'result')), out);

  const again = airplant('build');
  assert.equal(again.stdout, built.stdout);
  assert.doesNotMatch(again.stderr, /building/);

  assert.equal(airplant('run', './result', 'a', '--help').stdout, 'hello a --help\n');
  assert.equal(airplant('shell', './result', '-c', 'greet b').stdout, 'hello b\n');
  const noShell = airplant('shell', './result');
  assert.equal(noShell.status, 1);
  assert.match(noShell.stderr, /^error: '\/no\/shell' cannot be run: ENOENT\n/);
  assert.equal(airplant('log', './result').stdout, 'making a greeting\n');
  const [info] = JSON.parse(airplant('path-info', '--json', out).stdout) as {
    realPath: string;
    deriver: string;
  }[];
  assert.ok(existsSync(info!.realPath));
  assert.match(airplant('show-derivation', out).stdout, /"name": "greet-1\.0"/);
  // A module says what its derivations see, and what it made leads to the derivation; those alone say less.
  assert.match(airplant('show-sandbox', '.').stdout, /^read-only +\/bin\/busybox from .*busybox /m);
  const sandbox = airplant('show-sandbox', info!.deriver).stdout;
  assert.doesNotMatch(sandbox, /^read-only +\/bin\/busybox/m);
  assert.equal(airplant('show-sandbox', './result').stdout, sandbox);

  const archive = spawnSync(process.execPath, [main, 'nar', 'dump', info!.realPath], { env });
  assert.equal(archive.status, 0);
  assert.equal(airplant('nar', 'restore', 'copy', { input: archive.stdout }).status, 0);
  assert.equal(airplant('hash', 'path', 'copy').stdout, airplant('hash', 'path', info!.realPath).stdout);

  const foreign = airplant('store', 'remove', '--store', '/etc');
  assert.equal(foreign.status, 1);
  assert.match(foreign.stderr, /is not removed/);
  assert.equal(airplant('store', 'remove').status, 2);
  assert.ok(existsSync(join(root, 'store')));
  assert.equal(airplant('store', 'remove', '--yes').status, 0);
  assert.equal(existsSync(join(root, 'store', 'nix', 'store')), false);
});

test('a failing build: the log, the status, no link', needs, () => {
  const { status, stdout, stderr } = airplant('build', 'fails.mts', '-o', 'failed');
  assert.deepEqual([status, stdout], [100, '']);
  assert.match(
    stderr,
    /error: builder for '.*fails\.drv' failed with exit code 3;\n {7}last 1 log lines:\n {7}> the reason\n/,
  );
  assert.equal(existsSync(join(project, 'failed')), false);
});

test('an interrupt stops the build and says so', needs, async () => {
  const child = spawn(process.execPath, [main, 'build', 'slow.mts', '-L'], { cwd: project, env });
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
    if (stderr.includes('slow> begun')) child.kill('SIGINT');
  });
  const [status] = (await once(child, 'exit')) as [number];
  assert.equal(status, 130);
  assert.match(stderr, /warning: interrupted by SIGINT: stopping/);
});

function airplant(...words: readonly (string | { input: Buffer })[]) {
  const argv = words.filter((word) => typeof word === 'string');
  const input = words.find((word) => typeof word !== 'string')?.input;
  return spawnSync(process.execPath, [main, ...argv], {
    cwd: project,
    env,
    encoding: 'utf8',
    ...(input ? { input } : {}),
  });
}
