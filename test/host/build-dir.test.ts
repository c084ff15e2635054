import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type DerivationValue, openStore } from '../../ts/index.js';
import { fixedContent, fixedScript } from '../support/fixed-script.js';
import { processesWith } from '../support/processes.js';
import { requires } from '../support/requires.js';
import { leftoversIn, scriptDerivation } from '../support/scripts.js';
import { temporaryDirectory } from '../support/temporary.js';

// `build-dir` on another file system than the store.
const needs = requires('user-namespaces', 'program:busybox', 'known-root');
const directory = temporaryDirectory('build-dir');
const elsewhere = mkdtempSync('/dev/shm/airplant-build-dir-');
after(() => rmSync(elsewhere, { recursive: true, force: true }));
process.env['NIX_STORE_DIR'] = join(directory, 'store');

async function build(
  wanted: DerivationValue,
  { sandbox = true, ...options }: { sandbox?: boolean; signal?: AbortSignal } = {},
) {
  const settings = {
    'sandbox-paths': ['/bin/busybox'],
    'build-dir': elsewhere,
    sandbox,
    'fixed-output-network': 'host',
  };
  await using store = await openStore({ settings });
  const result = (await store.build([wanted], options).result).results[0]!;
  assert.deepEqual(leftoversIn(store), []);
  const path = result.outputs['out'];
  return { result, content: path === undefined ? undefined : readFileSync(path, 'utf8') };
}

test('build directories lie there, private, and outputs come out all the same', needs, async () => {
  assert.notEqual(statSync(elsewhere).dev, statSync(directory).dev, 'two file systems');
  const wanted = scriptDerivation(
    'there',
    'set -e; echo text > file; bb stat -c "%a %d" . > $out; pwd >> $out; bb cat $passedPath >> $out',
    { passed: 'passed on', passAsFile: ['passed'] },
  );
  const { content } = await build(wanted);
  assert.equal(content, `700 ${statSync(elsewhere).dev}\n/build\npassed on`);
  assert.deepEqual(readdirSync(elsewhere), []);
});

test('an output that was promised, and one that is built outside the sandbox', needs, async () => {
  assert.equal((await build(fixedScript('echo scratch > file'))).content, fixedContent);
  const { content } = await build(scriptDerivation('unsealed', 'pwd > $out; echo $NIX_BUILD_TOP >> $out'), {
    sandbox: false,
  });
  const [pwd, top] = content!.trim().split('\n');
  assert.equal(pwd, top);
  assert.match(pwd!, new RegExp(`^${elsewhere}/airplant-\\d+-[0-9a-f]{16}-unsealed/build$`));
  assert.deepEqual(readdirSync(elsewhere), []);
});

test('nothing is left after a failure or a cancellation', needs, async () => {
  const failed = await build(
    scriptDerivation('failed', 'bb mkdir -p a/b; bb chmod 0 a/b; bb chmod 0 a; exit 3'),
  );
  assert.equal(failed.result.error?.code, 'ERR_BUILD_FAILED');
  assert.deepEqual(readdirSync(elsewhere), []);
  const abort = new AbortController();
  const cancelled = build(scriptDerivation('cancelled', 'echo > here; bb sleep 1000'), {
    signal: abort.signal,
  });
  while (!readdirSync(elsewhere, { recursive: true }).some((name) => String(name).endsWith('/here')))
    await sleep(10);
  // The builder may do to its own directory what it likes: nobody else gets that far.
  const [top] = readdirSync(elsewhere);
  assert.equal(lstatSync(join(elsewhere, top!)).mode & 0o777, 0o700);
  abort.abort();
  assert.equal((await cancelled).result.error?.code, 'ERR_ABORTED');
  assert.deepEqual(readdirSync(elsewhere), []);
});

test(
  'after airplant was killed the launcher removes it, and the next build what even that has left',
  needs,
  async () => {
    const word = `build-dir-${process.pid}`;
    const module = join(directory, 'killed.mjs');
    const wanted = `{ name: 'killed', system: '${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux', builder: '/bin/busybox', args: ['sh', '-c', 'test -e /mark || /bin/busybox sleep 1000; echo > $out', '${word}'] }`;
    writeFileSync(
      module,
      `import { derivation, openStore } from ${JSON.stringify(new URL('../../ts/index.js', import.meta.url).href)};
     const settings = { 'sandbox-paths': ['/bin/busybox', ...(process.argv[2] ? ['/mark=/bin/busybox'] : [])], 'build-dir': ${JSON.stringify(elsewhere)} };
     const store = await openStore({ settings });
     const { results } = await store.build([derivation(${wanted})]).result;
     console.log(results[0].error?.message ?? 'built');
     await store.close();`,
    );
    const start = (...args: string[]) =>
      spawn(process.execPath, [fileURLToPath(`file://${module}`), ...args], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
    const first = start();
    while (processesWith(word).length < 1 && first.exitCode === null) await sleep(10);
    const [top] = readdirSync(elsewhere);
    first.kill('SIGKILL');
    while (readdirSync(elsewhere).length > 0) await sleep(10);
    while (processesWith(word).length > 0) await sleep(10);
    // As if the launcher had been killed as well.
    mkdirSync(join(elsewhere, top!, 'build/left'), { recursive: true });
    const second = start('mark');
    let said = '';
    for await (const chunk of second.stdout) said += chunk;
    assert.equal(said, 'built\n');
    assert.ok(!existsSync(join(elsewhere, top!)));
  },
);

test('a directory that is not safe fails before anything is made', needs, async () => {
  const settings = { 'sandbox-paths': ['/bin/busybox'], 'build-dir': join(directory, 'missing') };
  await using store = await openStore({ settings });
  await assert.rejects(store.build([scriptDerivation('never', 'echo > $out')]).result, {
    code: 'ERR_SETTING',
    message: /setting 'build-dir' cannot be .*missing' does not exist/,
  });
  assert.deepEqual(leftoversIn(store), []);
});
