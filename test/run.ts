import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inUserNamespace, withoutSystemCalls } from './support/lesser-kernel.js';

// npm test                 every test, long campaigns in their short form
// npm run test:long        the same with the long form
// npm test -- WORD...      only files whose path holds one of the words
// npm test -- --without=NAME,NAME…   on a kernel that lacks these system calls
// npm test -- --nested     inside another user namespace, as in a container
// npm test -- --only=FILE,FILE…   of all these, only the files whose path holds one of these, too
// npm test -- --as-root    only the tests called `as root: …`, which everybody else's run skips
const testRoot = fileURLToPath(new URL('.', import.meta.url));
const words = process.argv.slice(2).filter((word) => !word.startsWith('--'));
const long = process.argv.includes('--long');
const asRoot = process.argv.includes('--as-root');

const without = listed('without');
const only = listed('only');

const files = readdirSync(testRoot, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.test.js'))
  .map((name) => join(testRoot, name))
  .filter((file) => words.length === 0 || isNamed(file, words))
  .filter((file) => only === undefined || isNamed(file, only))
  .filter((file) => !asRoot || readFileSync(file, 'utf8').includes("'as root: "))
  .sort();
if (files.length === 0) {
  console.error(`no test file matches ${words.join(' ')}`);
  process.exit(1);
}

let command = [
  process.execPath,
  ...['--enable-source-maps', '--test', '--test-concurrency=2', '--test-reporter=spec'],
  ...(asRoot ? ['--test-name-pattern=^as root: '] : []),
  // A file that hangs is a failure with a name, and not a run that never ends.
  ...(long ? [] : [`--test-timeout=${30 * 60 * 1000}`]),
  ...files,
];
if (without !== undefined) command = withoutSystemCalls(without, command);
if (process.argv.includes('--nested')) command = inUserNamespace(command);
const place = mkdtempSync(join(tmpdir(), 'airplant-test-run-'));
// Tests that run as root make processes of other users, which look for configuration files too.
chmodSync(place, 0o755);
const child = spawn(command[0]!, command.slice(1), {
  stdio: 'inherit',
  env: {
    ...hermetic(process.env, place),
    ...(long ? { AIRPLANT_TEST_LONG: '1' } : {}),
    ...(without === undefined ? {} : { AIRPLANT_TEST_WITHOUT: without.join(',') }),
  },
});
for (const signal of ['SIGHUP', 'SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal));
child.on('exit', (code, signal) => {
  rmSync(place, { recursive: true, force: true });
  process.exit(signal ? 1 : (code ?? 1));
});

function isNamed(file: string, parts: readonly string[]): boolean {
  return parts.some((part) => relative(testRoot, file).includes(part));
}

function listed(option: string): readonly string[] | undefined {
  const prefix = `--${option}=`;
  return process.argv
    .find((word) => word.startsWith(prefix))
    ?.slice(prefix.length)
    .split(',');
}

/**
 * The environment without what Nix or airplant would be configured by: configuration and caches lie in `place`, where
 * they are empty at first, instead of in the caller's home and /etc.
 */
function hermetic(env: NodeJS.ProcessEnv, place: string): NodeJS.ProcessEnv {
  const empty = Object.fromEntries(
    ['NIX_CONF_DIR', 'XDG_CONFIG_HOME', 'XDG_CONFIG_DIRS', 'XDG_CACHE_HOME'].map((name) => {
      const directory = join(place, name.toLowerCase());
      mkdirSync(directory);
      return [name, directory];
    }),
  );
  const kept = Object.entries(env).filter(([name]) => !name.startsWith('NIX_'));
  return { ...Object.fromEntries(kept), ...empty };
}
