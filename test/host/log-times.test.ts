import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { CommandLine } from '../support/command-line.js';
import { requires } from '../support/requires.js';
import { temporaryDirectory } from '../support/temporary.js';

const needs = requires('user-namespaces', 'program:busybox', 'program:bzip2');
const directory = temporaryDirectory('log-times');
const commandLine = new CommandLine(directory);
const main = fileURLToPath(new URL('../../ts/main.js', import.meta.url));
const flags = ['--store', join(directory, 'store'), '--option', 'sandbox-paths', '/bin/busybox'];

const slow = 'echo one; bb sleep 3; echo two; printf "\\\\377 three"; echo > $out';

function moduleOf(name: string, script: string): string {
  const file = join(directory, `${name}.mjs`);
  const args = JSON.stringify(['sh', '-c', `bb() { /bin/busybox "$@"; }\n${script}`]);
  writeFileSync(
    file,
    `import { derivation } from 'airplant';
export default derivation({ name: '${name}', system: 'x86_64-linux', builder: '/bin/busybox', args: ${args} });`,
  );
  return file;
}

/** The path of the .drv. */
async function pathOf(module: string): Promise<string> {
  const { stdout } = await commandLine.run(['build', '--dry-run', '--json', ...flags, module]);
  return /\/nix\/store\/[^"]*\.drv/.exec(stdout.toString())![0];
}

test('log --times says when each line came, --json the same as objects', needs, async () => {
  const module = moduleOf('slow', slow);
  const began = Date.now();
  const built = await commandLine.run(['build', '--no-link', ...flags, module]);
  assert.equal(built.status, 0, built.stderr);
  const drvPath = await pathOf(module);
  const { stdout } = await commandLine.run(['log', '--times', ...flags.slice(0, 2), drvPath]);
  const match = /^ +(\d+\.\d{3}) {2}one\n +(\d+\.\d{3}) {2}two\n +\d+\.\d{3} {2}\xff three\n$/.exec(
    stdout.toString('latin1'),
  );
  assert.ok(match, stdout.toString());
  assert.ok(Number(match[2]) - Number(match[1]) >= 1, 'the second came later, whoever read them when');
  const json = await commandLine.run(['log', '--json', ...flags.slice(0, 2), drvPath]);
  const lines = json.stdout
    .toString()
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.deepEqual(
    lines.map(({ text, base64 }) => text ?? base64),
    ['one', 'two', '/yB0aHJlZQ=='],
  );
  for (const { time } of lines) assert.ok(time >= began && time <= Date.now());
});

test('times survive the death of airplant as far as they had come', needs, async () => {
  const module = moduleOf('killed', 'echo one; echo two; while :; do bb sleep 1; done');
  const drvPath = await pathOf(module);
  const child = spawn(process.execPath, [main, 'build', '--no-link', ...flags, module], {
    stdio: 'ignore',
    env: { PATH: process.env['PATH'], HOME: directory, NIX_CONF_DIR: directory },
  });
  const exit = once(child, 'exit');
  const log = () => commandLine.run(['log', '--times', ...flags.slice(0, 2), drvPath]);
  const wanted = /^ +\d+\.\d{3} {2}one\n +\d+\.\d{3} {2}two\n$/;
  while (!wanted.test((await log()).stdout.toString()) && child.exitCode === null) await sleep(20);
  child.kill('SIGKILL');
  await exit;
  const { status, stdout, stderr } = await log();
  assert.equal(status, 0, stderr);
  assert.match(stdout.toString(), wanted);
});

test('a log without times is an error that says so', needs, async () => {
  const drvPath = await pathOf(moduleOf('slow', slow));
  const file = join(directory, 'store/nix/var/log/nix/drvs', drvPath.slice(11, 13), drvPath.slice(13));
  writeFileSync(file, 'by somebody else\n');
  const { status, stderr } = await commandLine.run(['log', '--times', ...flags.slice(0, 2), drvPath]);
  assert.equal(status, 1);
  assert.match(stderr, /when the lines of the log of .* came is not known/);
  const json = await commandLine.run(['log', '--json', ...flags.slice(0, 2), drvPath]);
  assert.equal(json.stdout.toString(), '{"text":"by somebody else"}\n');
});

test(
  'a long log is compressed unless that is not wanted, and none is kept where none is wanted',
  needs,
  async () => {
    const drvs = join(directory, 'store/nix/var/log/nix/drvs');
    const kept = async (name: string, ...options: string[]) => {
      const module = moduleOf(name, 'bb seq 10000; echo > $out');
      const { status, stderr } = await commandLine.run(['build', '--no-link', ...flags, ...options, module]);
      assert.equal(status, 0, stderr);
      const drvPath = await pathOf(module);
      const inside = join(drvs, drvPath.slice(11, 13));
      const names = existsSync(inside) ? readdirSync(inside) : [];
      return names
        .filter((file) => file.startsWith(drvPath.slice(13)))
        .map((file) => file.slice(drvPath.length - 13));
    };
    assert.deepEqual((await kept('packed')).sort(), ['.bz2', '.times']);
    assert.deepEqual((await kept('plain', '--option', 'compress-build-log', 'false')).sort(), ['', '.times']);
    assert.deepEqual(await kept('none', '--option', 'keep-build-log', 'false'), []);
  },
);
