import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type DerivationValue, openStore } from '../../ts/index.js';
import { native } from '../../ts/native.js';
import { RealNix } from '../support/nix.js';
import { goneWithin, processesWith } from '../support/processes.js';
import { longForm, requires } from '../support/requires.js';
import { scriptDerivation } from '../support/scripts.js';
import { temporaryDirectory } from '../support/temporary.js';

// `airplant build` and `airplant check` are killed at random moments, every other time together with the launcher, as
// by a machine that runs out of memory. What is valid is whole, the same command then ends as if nothing had happened,
// and nothing is left of either. Repairs are killed in repair-death.test.ts.
const needs = requires('user-namespaces', 'program:nix-store', 'program:busybox', 'program:bzip2');
const directory = temporaryDirectory('kill');
const main = fileURLToPath(new URL('../../ts/main.js', import.meta.url));
const marker = `airplant-kill-${process.pid}`;
const rounds = longForm ? 250 : 10;
const temporaries = join(directory, 'tmp');
mkdirSync(temporaries);
const nix = new RealNix(directory, join(directory, 'store'));
const settings = { 'sandbox-paths': ['/bin/busybox'], 'max-jobs': 2 };

/** What one build after the other does: several outputs, many files, references, a log that is compressed, a fixed output. */
function graph(round: number | string): DerivationValue[] {
  const make = (name: string, text: string, more: Readonly<Record<string, unknown>> = {}) =>
    scriptDerivation(`${name}-${round}`, `: ${marker}\nset -e\n${text}`, more);
  const hash = '2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824';
  const fixed = make('fixed', 'printf hello > $out', {
    ...{ outputHashMode: 'flat', outputHashAlgo: 'sha256', outputHash: hash },
  });
  const files = make('files', 'bb mkdir -p $out/a/b; for i in $(bb seq 30); do echo $i > $out/a/b/$i; done');
  const log = make('log', 'bb seq 20000; echo $files > $out', { files });
  const several = make('several', 'echo $out > $dev; bb mkdir $out; bb ln -s $fixed $out/link; echo > $doc', {
    fixed,
    outputs: ['out', 'dev', 'doc'],
  });
  const top = make('top', 'bb cat $log > $out; echo $several $files >> $out', { log, several, files });
  return [fixed, files, log, several, top];
}

test('killed at any moment, a build can be done again', needs, async (t) => {
  await campaign(t, {
    async prepare(round) {
      await using store = await openStore({ store: nix.store, settings });
      return await Promise.all(graph(round).map((value) => store.instantiate(value)));
    },
    command: ['build', '--no-link'],
    status: 0,
  });
});

test('killed at any moment, a check can be done again', needs, async (t) => {
  const hook = join(directory, 'diff-hook');
  writeFileSync(hook, `#!/bin/sh\n: ${marker}\ncmp "$1" "$2"\n`);
  chmodSync(hook, 0o755);
  const random = scriptDerivation('random', `: ${marker}\nbb cat /proc/sys/kernel/random/uuid > $out`);
  let drvPaths: string[];
  {
    await using store = await openStore({ store: nix.store, settings });
    const all = [...graph('checked'), random];
    assert.equal((await store.build(all).result).exitStatus, 0);
    drvPaths = all.map(({ drvPath }) => drvPath);
  }
  await campaign(t, {
    prepare: async () => drvPaths,
    command: ['check', '--no-diffoscope', '--option', 'diff-hook', hook, '--option', 'run-diff-hook', 'true'],
    status: 104,
  });
});

test('killed while a hook runs, nothing is left of the hook', needs, async () => {
  const program = join(directory, 'sleeping-hook');
  // What it runs can be told from airplant, which has the name of the hook among its arguments.
  const seconds = String(1_000_000_000 + process.pid);
  writeFileSync(program, `#!/bin/sh\ntrap '' TERM\n(setsid sleep ${seconds}) &\nsleep ${seconds}\n`);
  chmodSync(program, 0o755);
  const programs = join(directory, 'programs');
  mkdirSync(programs);
  symlinkSync(program, join(programs, 'diffoscope'));
  const random = scriptDerivation('random-hooked', 'bb cat /proc/sys/kernel/random/uuid > $out');
  let value: DerivationValue;
  for (const [name, argv] of [
    ['pre-build-hook', ['build', '--no-link']],
    ['post-build-hook', ['build', '--no-link']],
    ['diff-hook', ['check', '--no-diffoscope', '--option', 'run-diff-hook', 'true']],
    ['diffoscope', ['check', '--diffoscope']],
  ] as const) {
    {
      await using store = await openStore({ store: nix.store, settings });
      const checks = argv[0] === 'check';
      value = checks ? random : scriptDerivation(`hooked-${name}`, 'echo > $out');
      await store.instantiate(value);
      if (checks) assert.equal((await store.build([value]).result).exitStatus, 0);
    }
    const hook = name === 'diffoscope' ? [] : ['--option', name, program];
    const { child, exit, said } = start([...argv, value.drvPath, ...hook], programs);
    while (processesWith(seconds).length < 2 && child.exitCode === null) await sleep(20);
    assert.equal(child.exitCode, null, said());
    child.kill('SIGKILL');
    await exit;
    assert.ok(await goneWithin(seconds, 5000), `${name}: still there: ${processesWith(seconds)}`);
    for (let tries = 0; leftovers().length > 0 && tries < 100; tries++) await sleep(50);
    assert.deepEqual(leftovers(), [], name);
  }
});

test('after all of that a collector leaves nothing but what is valid', needs, async () => {
  nix.run('nix-store', '--gc');
  await using store = await openStore({ store: nix.store });
  const left = readdirSync(store.local.directories.realStoreDir).filter(
    (name) => name !== '.links' && !store.local.isValid(`/nix/store/${name}`),
  );
  assert.deepEqual(left, []);
});

interface Campaign {
  /** The .drv files for one round. */
  prepare(round: number | string): Promise<readonly string[]>;
  readonly command: readonly string[];
  /** How it ends undisturbed. */
  readonly status: number;
}

async function campaign(t: { diagnostic(text: string): void }, { prepare, command, status }: Campaign) {
  const verb = command[0]!;
  const tally = { killed: 0, finished: 0 };
  let duration = 0;
  for (let round = -2; round < rounds; round++) {
    const argv = [...command, ...(await prepare(`${verb}-${round + 2}`))];
    const began = Date.now();
    const first = start(argv);
    if (round < 0) {
      // Undisturbed, to know how long it takes.
      assert.equal(await first.exit, status, first.said());
      duration = Date.now() - began;
      continue;
    }
    // Spread over its whole life, whatever chance has in mind.
    await Promise.race([first.exit, sleep(((round + Math.random()) / rounds) * duration)]);
    if (round % 2 === 0) killWithLauncher(first.child);
    else first.child.kill('SIGKILL');
    if ((await first.exit) === null) {
      tally.killed++;
    } else {
      tally.finished++;
      // The machine has become faster.
      duration = Math.min(duration, Date.now() - began);
    }
    // Without its launcher nobody is left to remove what it had outside of the store.
    if (round % 2 === 0)
      for (const name of readdirSync(temporaries)) await native.removeTree(join(temporaries, name));
    verify(`round ${round}`);
    const again = start(argv);
    assert.equal(await again.exit, status, `round ${round}: ${again.said()}`);
    assert.ok(await goneWithin(marker, 5000), `round ${round}: still there: ${processesWith(marker)}`);
    assert.deepEqual(leftovers(), [], `round ${round}`);
    assert.ok(!readFileSync('/proc/self/mountinfo', 'utf8').includes(nix.store));
  }
  verify('at the end');
  t.diagnostic(JSON.stringify(tally));
  assert.ok(tally.killed > rounds / 3, `too few were killed: ${JSON.stringify(tally)}`);
}

/** What is valid and not there Nix forgets about, and ends well. */
function verify(when: string): void {
  const { status, stderr } = nix.try('nix-store', '--verify', '--check-contents');
  assert.equal(status, 0, `${when}: ${stderr}`);
  assert.doesNotMatch(stderr, /disappeared/, when);
}

/** Scratch directories beside the store, and temporary ones. */
function leftovers(): string[] {
  const beside = readdirSync(join(nix.store, 'nix/store')).filter((name) => name.endsWith('.chroot'));
  return [...beside, ...readdirSync(temporaries)];
}

/** `programs`: a directory that programs are looked for in first. */
function start(argv: readonly string[], programs = '/nowhere') {
  const options = ['--store', nix.store, '--option', 'sandbox-paths', '/bin/busybox', '-j2'];
  const path = `${programs}:${process.env['PATH']}`;
  const env = { PATH: path, HOME: directory, NIX_CONF_DIR: directory, TMPDIR: temporaries };
  const child = spawn(process.execPath, [main, ...argv, ...options], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env,
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (said += chunk));
  const exit = once(child, 'exit').then(([status]) => status as number | null);
  return { child, exit, said: () => said };
}

/** None of them can do anything for the others. */
function killWithLauncher(child: ChildProcess): void {
  const { stdout } = spawnSync('ps', ['-o', 'pid=,comm=', '--ppid', String(child.pid)], { encoding: 'utf8' });
  const launcher = stdout.split('\n').find((line) => line.includes('airplant-launch'));
  child.kill('SIGSTOP');
  if (launcher) process.kill(Number.parseInt(launcher, 10), 'SIGKILL');
  child.kill('SIGKILL');
}
