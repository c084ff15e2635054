import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type HookRun, inheritedVariables, runHook } from '../../../ts/build/hook/run-hook.js';
import { goneWithin, processesWith } from '../../support/processes.js';
import { temporaryDirectory } from '../../support/temporary.js';

const runHookProgram = fileURLToPath(new URL('../../host/programs/run-hook.js', import.meta.url));
const directory = temporaryDirectory('run-hook');
// Of this file's own: other test files run hooks at the same time.
const temporaries = temporaryDirectory('run-hook-temporaries');
process.env['TMPDIR'] = temporaries;
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
    onError: (chunk) => void said.push(chunk),
    ...rest,
  });
}

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

/** No process but this one has the word in its command line. */
async function allGone(word: string): Promise<void> {
  assert.ok(await goneWithin(word, 10_000), `still there: ${processesWith(word)}`);
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
  await fails(hook('kill -SEGV $$'), /failed due to signal 11 \(Segmentation fault\)/);
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

// Each leaves something whose command line holds "$word"; the last has two parents who are gone, and the output open.
const escapes = {
  'in another session': 'setsid sh -c "sleep 1000; : $word" &',
  'in a process group of its own': 'set -m; sh -c "sleep 1000; : $word" &',
  'as a daemon': 'setsid sh -c "(setsid sh -c \\"sleep 1000; : $word\\" &)" </dev/null >/dev/null 2>&1',
  'with descriptors closed, deaf to signals':
    'setsid sh -c "trap : TERM HUP INT; sleep 1000; : $word" </dev/null >/dev/null 2>&1 &',
};
const survivors = { skip: process.platform === 'linux' ? false : 'process groups are all there is' };
for (const [how, text] of Object.entries(escapes)) {
  const word = `survivor-${Math.random().toString(36).slice(2)}`;
  // It is there before the hook goes on; grep is not to find itself.
  const leaving = (end: string) =>
    hook(
      `word=${word}\n${text}\nuntil grep -q '[s]${word.slice(1)}' /proc/[0-9]*/cmdline 2>/dev/null; do sleep 0.05; done\n${end}`,
    );

  test(`what a hook leaves ${how} ends with it`, survivors, async () => {
    assert.equal((await run(leaving('echo ok'))).toString(), 'ok\n');
    assert.deepEqual(processesWith(word), []);
    await fails(leaving('exit 3'), /exit code 3/);
    assert.deepEqual(processesWith(word), []);
    await fails(leaving('sleep 1000'), /did not end within 2 seconds/, { timeoutSeconds: 2 });
    assert.deepEqual(processesWith(word), []);
  });

  test(`what a hook leaves ${how} ends with the build`, survivors, async () => {
    const abort = new AbortController();
    const running = run(leaving('echo there >&2; sleep 1000'), {
      signal: abort.signal,
      onError: () => void abort.abort(),
    });
    await assert.rejects(running, { code: 'ERR_ABORTED' });
    assert.deepEqual(processesWith(word), []);
  });
}

test('what a hook leaves dies with whoever ran the hook', survivors, async () => {
  const word = `survivor-${Math.random().toString(36).slice(2)}`;
  const program = hook(`setsid sh -c "sleep 1000; : ${word}" & echo there >&2; sleep 1000`);
  const caller = spawn(process.execPath, [runHookProgram, program], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(caller.stdout, 'data');
  while (processesWith(word).length === 0) await sleep(10);
  caller.kill('SIGKILL');
  await allGone(word);
  await allGone(program);
});

test('a hook whose words cannot be passed on is stopped, and why is told', async () => {
  let chunks = 0;
  const onError = async () => {
    chunks++;
    throw new Error('the disk is full');
  };
  const program = hook('echo one >&2; for i in 1 2 3; do sleep 0.2; echo more >&2; done; sleep 1000');
  await assert.rejects(run(program, { onError }), /^Error: the disk is full$/);
  assert.equal(chunks, 1);
  await assert.rejects(run(hook('echo last >&2; exit 3'), { onError }), /^Error: the disk is full$/);
});

test('a hook waits for whoever does not take what it says', async () => {
  let holding = false;
  let total = 0;
  const early: number[] = [];
  const onError = async (chunk: Uint8Array) => {
    total += chunk.length;
    if (holding) early.push(chunk.length);
    if (total > chunk.length) return;
    holding = true;
    await sleep(300);
    holding = false;
  };
  // More than the pipe and one read of it hold, so that it cannot end meanwhile.
  await run(hook('head -c 500000 /dev/zero >&2'), { onError });
  assert.deepEqual(early, []);
  assert.equal(total, 500_000);
});

test('a signal that came too early', async () => {
  const program = hook('echo started');
  await assert.rejects(run(program, { signal: AbortSignal.abort() }), { code: 'ERR_ABORTED' });
  assert.equal(said.length, 0);
});

test('an interrupt', async () => {
  const abort = new AbortController();
  const program = hook('echo $$ >&2; sleep 1000');
  const onError = (chunk: Uint8Array) => {
    said.push(chunk);
    return void abort.abort();
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
  await fails(noFormat, /cannot be executed: ENOEXEC/);
  // As in Nix, where no shell steps in either.
  const noLine = join(directory, 'no first line');
  writeFileSync(noLine, 'echo hello\n');
  chmodSync(noLine, 0o755);
  await fails(noLine, /cannot be executed: ENOEXEC/);
  const noInterpreter = join(directory, 'no interpreter');
  writeFileSync(noInterpreter, '#!/no/such/interpreter\n');
  chmodSync(noInterpreter, 0o755);
  await fails(noInterpreter, /cannot be executed: ENOENT/);
});

test('nothing is left in the directory for temporary files', async () => {
  const before = readdirSync(temporaries);
  await run(hook('mkdir -p "$TMPDIR/a/b"; chmod 0 "$TMPDIR/a/b"; touch "$TMPDIR/x"'));
  await fails(hook('touch "$TMPDIR/x"; exit 1'), /exit code 1/);
  assert.deepEqual(
    readdirSync(temporaries).filter((name) => !before.includes(name)),
    [],
  );
});
