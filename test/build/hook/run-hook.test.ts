import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { type HookRun, inheritedVariables, runHook } from '../../../ts/build/hook/run-hook.js';
import { temporaryDirectory } from '../../support/temporary.js';

const directory = temporaryDirectory('run-hook');
let number = 0;

function hook(script: string, mode = 0o755): string {
  const file = join(directory, `hook-${++number}`);
  writeFileSync(file, `#!/bin/sh\n${script}\n`);
  chmodSync(file, mode);
  return file;
}

const said: Uint8Array[] = [];
function run(program: string, more: Partial<HookRun> & { timeoutSeconds?: number } = {}): Promise<Buffer> {
  const { timeoutSeconds = 20, ...rest } = more;
  said.length = 0;
  return runHook({
    hook: { program, timeoutSeconds },
    args: ['first', 'second argument'],
    input: 'the request\n',
    signal: new AbortController().signal,
    onError: (chunk) => said.push(chunk),
    ...rest,
  });
}

const temporaries = () => readdirSync(tmpdir()).filter((name) => name.startsWith('airplant-hook'));

/** Fails with this message, at once in comparison with what the hook would take, and leaves nothing in TMPDIR. */
async function fails(program: string, message: RegExp, more: Parameters<typeof run>[1] = {}): Promise<void> {
  await assert.rejects(run(program, more), (error: Error & { code: string }) => {
    assert.equal(error.code, 'ERR_HOOK');
    assert.match(error.message, message);
    assert.ok(error.message.includes(program));
    assert.doesNotMatch(error.message, /[\x00-\x1f]/);
    return true;
  });
}

async function gone(pid: number): Promise<void> {
  for (let waited = 0; existsSync(`/proc/${pid}`) && waited < 200; waited++) {
    if (/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.ok(!existsSync(`/proc/${pid}`), `process ${pid} still runs`);
}

test('arguments, standard input, output and error', async () => {
  const output = await run(hook('read -r line; echo "$# $1 $2 $line"; echo hello >&2'));
  assert.equal(output.toString(), '2 first second argument the request\n');
  assert.equal(Buffer.concat(said).toString(), 'hello\n');
});

test('the environment is the documented list, and a temporary directory that goes away', async () => {
  process.env['NODE_OPTIONS_OF_A_DERIVATION'] = 'x';
  const output = (await run(hook('env; echo "CWD=$(pwd -P)"; touch "$TMPDIR/file"'))).toString();
  const variables = new Map(
    output
      .trim()
      .split('\n')
      .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );
  // The last three are the shell's own.
  const allowed = new Set([
    ...inheritedVariables,
    'TMPDIR',
    'TMP',
    'TEMP',
    'CWD',
    'PWD',
    'SHLVL',
    '_',
    'OLDPWD',
  ]);
  assert.deepEqual(
    [...variables.keys()].filter((name) => !allowed.has(name)),
    [],
  );
  assert.equal(variables.get('CWD'), variables.get('TMPDIR'));
  assert.ok(!existsSync(variables.get('TMPDIR')!));
});

test('a hook need not read what it is given', async () => {
  assert.equal((await run(hook('echo ok'), { input: 'x'.repeat(4 * 1024 * 1024) })).toString(), 'ok\n');
});

test('an exit status is told as Nix does, with what was said, fit for a terminal', async () => {
  const program = hook('printf "no \\033[31mluck\\n" >&2; exit 7');
  await fails(program, /failed: program '.*' failed with exit code 7: 'no \\x1b\[31mluck'$/);
});

test('a signal', async () => {
  await fails(hook('kill -SEGV $$'), /failed due to signal SIGSEGV/);
});

test('a hook that hangs is killed, and what it started with it', async () => {
  const program = hook('sleep 1000 & echo $! >&2; sleep 1000');
  await fails(program, /did not end within 1 seconds: '\d+'$/, { timeoutSeconds: 1 });
  await gone(Number(Buffer.concat(said).toString()));
});

test('a flood on either stream is cut off', async () => {
  await fails(hook('exec yes'), /wrote more than 1048576 bytes to its standard output/);
  await fails(hook('exec yes >&2'), /wrote more than 1048576 bytes to its standard error/);
});

test('what a hook leaves in the background ends with it', async () => {
  const program = hook('sleep 1000 & echo $!');
  const pid = Number((await run(program)).toString());
  assert.ok(pid > 0);
  await gone(pid);
});

test('even what has left its process group cannot make the build wait', async () => {
  const program = hook('setsid sleep 30 & echo $!');
  const pid = Number((await run(program)).toString());
  assert.ok(pid > 0);
});

test('an interrupt', async () => {
  const abort = new AbortController();
  const program = hook('echo $$ >&2; sleep 1000');
  const onError = (chunk: Uint8Array) => {
    said.push(chunk);
    abort.abort();
  };
  await assert.rejects(run(program, { signal: abort.signal, onError }), { code: 'ERR_ABORTED' });
  await gone(Number(Buffer.concat(said).toString()));
  await assert.rejects(run(program, { signal: abort.signal }), { code: 'ERR_ABORTED' });
});

test('a hook that cannot be run', async () => {
  await fails(join(directory, 'missing'), /does not exist/);
  await fails(hook('true', 0o644), /cannot be executed: EACCES/);
  mkdirSync(join(directory, 'a directory'));
  await fails(join(directory, 'a directory'), /is not a file/);
  const noFormat = join(directory, 'no format');
  writeFileSync(noFormat, '\x7fELF nonsense');
  chmodSync(noFormat, 0o755);
  await fails(noFormat, /cannot be executed: ENOEXEC|failed with exit code/);
  const noInterpreter = join(directory, 'no interpreter');
  writeFileSync(noInterpreter, '#!/no/such/interpreter\n');
  chmodSync(noInterpreter, 0o755);
  await fails(noInterpreter, /cannot be executed: ENOENT/);
});

test('nothing is left in the directory for temporary files', async () => {
  const before = temporaries();
  await run(hook('mkdir -p "$TMPDIR/a/b"; chmod 0 "$TMPDIR/a/b"; touch "$TMPDIR/x"'));
  await fails(hook('touch "$TMPDIR/x"; exit 1'), /exit code 1/);
  assert.deepEqual(
    temporaries().filter((name) => !before.includes(name)),
    [],
  );
});
