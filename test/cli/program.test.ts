import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AirplantError } from '../../ts/base/errors.js';
import { classicNames } from '../../ts/cli/classic/command-words.js';
import { errorText, toAirplantError } from '../../ts/cli/print-error.js';
import { verbs } from '../../ts/cli/verbs.js';
import { FakeHost } from './fake-host.js';

test('help on stdout when asked for, on stderr with status 2 when nothing was said', async () => {
  for (const argv of [['--help'], ['-h'], ['help']]) {
    const { status, stdout, stderr } = await new FakeHost().run(...argv);
    assert.deepEqual([status, stderr], [0, '']);
    for (const { name, summary } of verbs) assert.ok(stdout.includes(`${name} `) && stdout.includes(summary));
  }
  const bare = await new FakeHost().run();
  assert.deepEqual([bare.status, bare.stdout], [2, '']);
  assert.match(bare.stderr, /^Usage: airplant VERB/);
});

test('every verb has help and a version', async () => {
  for (const { name } of verbs.filter(({ name }) => !classicNames.includes(name))) {
    const help = await new FakeHost().run(name, '--help');
    assert.deepEqual([help.status, help.stderr], [0, ''], name);
    assert.ok(help.stdout.startsWith(`Usage: airplant ${name}`));
    assert.ok(help.stdout.split('\n').every((line) => line.length <= 80));
    assert.deepEqual(await new FakeHost().run('help', name), help);
    const version = await new FakeHost().run(name, '--version');
    assert.match(version.stdout, /^airplant \d+\.\d+\.\d+\n$/);
  }
});

test('the programs of Nix have theirs', async () => {
  for (const name of classicNames) {
    const help = await new FakeHost().run(name, '--help');
    assert.deepEqual([help.status, help.stderr], [0, ''], name);
    assert.ok(help.stdout.startsWith(`Usage: ${name} `));
    assert.ok(help.stdout.split('\n').every((line) => line.length <= 80));
    const version = await new FakeHost().run(name, '--version');
    assert.equal(version.stdout, `${name} (Nix) 2.8.0\n`);
  }
});

const mistakes: readonly [argv: string[], message: RegExp][] = [
  [['biuld'], /unknown verb 'biuld'; did you mean 'build'\?/],
  [['xyzzy'], /unknown verb 'xyzzy'\n/],
  [['--verison'], /unknown flag '--verison'/],
  [['nar', 'dmp'], /unknown command of 'airplant nar' 'dmp'; did you mean 'dump'/],
  [['nar'], /^Usage: airplant nar COMMAND/],
  [['log'], /'airplant log' takes exactly 1, PATH; 0 given/],
  [['doctor', 'x'], /takes no operands; 1 given/],
  [['build', '--jsno'], /did you mean '--json'\?\nhint: See `airplant build --help`\.\n$/],
  [['store', 'remove', '--option', 'store'], /needs NAME and VALUE, and VALUE is missing/],
];
for (const [argv, message] of mistakes) {
  test(`wrong usage: ${argv.join(' ')}`, async () => {
    const { status, stdout, stderr } = await new FakeHost().run(...argv);
    assert.deepEqual([status, stdout], [2, '']);
    assert.match(stderr, message);
  });
}

test('errors: a sentence and a hint, a trace only when asked for', () => {
  const cause = new Error('deep \x1b[2Jdown');
  const error = new AirplantError('ERR_FILE', 'it \x1b]0;owned\x07broke', { cause });
  assert.equal(
    errorText(error, { colours: false, trace: false }),
    'error: it broke\nhint: Check the path and its permissions.\n',
  );
  const traced = errorText(error, { colours: false, trace: true });
  assert.match(traced, /\n {4}at /);
  assert.match(traced, /caused by: Error: deep down\n/);
  assert.match(errorText(error, { colours: true, trace: false }), /^\x1b\[31merror:\x1b\[0m it broke\n/);
});

test('any error becomes one of the catalogue', () => {
  const missing = Object.assign(new Error('x'), { code: 'ENOENT', syscall: 'open', path: '/x' });
  assert.deepEqual(
    [toAirplantError(missing).code, toAirplantError(missing).message],
    ['ERR_FILE', "open '/x': ENOENT"],
  );
  assert.equal(toAirplantError(new TypeError('t')).message, 'internal error: TypeError: t');
  assert.equal(toAirplantError('text').code, 'ERR_INTERNAL');
  assert.equal(toAirplantError(undefined).code, 'ERR_INTERNAL');
});

test('a trace on the command line and in the environment', async () => {
  assert.match((await new FakeHost().run('log', '/etc', '--show-trace')).stderr, /\n {4}at /);
  const host = new FakeHost();
  assert.doesNotMatch((await host.run('log', '/etc')).stderr, /\n {4}at /);
  host.env['AIRPLANT_DEBUG'] = '1';
  assert.match((await host.run('log', '/etc')).stderr, /\n {4}at /);
});
