import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { lstatSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { type DerivationValue, derivation } from '../../../ts/index.js';
import { launcherPath } from '../../../ts/native.js';
import { launchSandbox } from '../../../ts/sandbox/launch.js';
import { compileFixture } from '../../support/compile.js';
import { requires } from '../../support/requires.js';
import { freshDirectory, scriptSpec } from '../../support/sandbox.js';
import { temporaryDirectory } from '../../support/temporary.js';
import { attack, buildOnce, built } from './hostile-builds.js';

// What a builder has, and what it gets from the processes that made its sandbox.
const needs = requires('user-namespaces', 'program:busybox', 'program:cc');
const directory = temporaryDirectory('vulnerable-privileges');

test('CVE-2025-53819: a builder has no privileges, as it finds itself', needs, async () => {
  const { log } = await built(directory, attack('bb id -u; bb id -g; bb cat /proc/self/status; echo > $out'));
  assert.match(log, /^1000\n100\n/);
  for (const line of ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb']) {
    assert.match(log, new RegExp(`^${line}:\\t0{16}$`, 'm'));
  }
  assert.match(log, /^NoNewPrivs:\t1\nSeccomp:\t2$/m);
});

test(
  'CVE-2016-3135, CVE-2021-3493, CVE-2022-0185, CVE-2022-0492, CVE-2022-34918, CVE-2023-0386, CVE-2023-32233, CVE-2024-1086: with nested namespaces forbidden, no part of the kernel takes a builder for root',
  needs,
  async () => {
    const program = compileFixture('kernel-surface');
    const tried = (text: string) =>
      Object.fromEntries(
        text
          .trim()
          .split(/\r?\n/)
          .map((line) => line.split(': ')),
      ) as Record<string, string>;

    const place = freshDirectory('surface');
    const outside = tried(execFileSync(program, [place], { encoding: 'utf8' }));
    // Which of them a kernel has is its own business; these it has wherever there are sandboxes.
    for (const name of ['namespaces', 'fsopen', 'fsconfig', 'tmpfs']) assert.equal(outside[name], 'ok', name);

    for (const filtered of [true, false]) {
      const { log } = await built(
        directory,
        attack('bb mkdir /build/place; /surface /build/place; echo > $out'),
        {
          'sandbox-paths': [`/surface=${program}`],
          'allow-nested-namespaces': false,
          'filter-syscalls': filtered,
        },
      );
      const inside = tried(log);
      assert.deepEqual(Object.keys(inside), Object.keys(outside));
      assert.equal(inside['namespaces'], 'ENOSPC');
      for (const [name, outcome] of Object.entries(inside)) {
        // A socket is made by anybody; what it says is refused.
        if (name === 'netfilter' && !filtered) continue;
        assert.match(outcome, /^E(NOSPC|PERM|ACCES|INVAL|PROTONOSUPPORT|NODEV|BADF|NOSYS)$/, name);
      }
    }

    // Allowed, as they are unless somebody forbids them: the filter still keeps netfilter away.
    const { log } = await built(
      directory,
      attack('bb mkdir /build/place; /surface /build/place; echo > $out'),
      {
        'sandbox-paths': [`/surface=${program}`],
      },
    );
    assert.equal(tried(log)['namespaces'], 'ok');
    assert.equal(tried(log)['netfilter'], 'EPROTONOSUPPORT');
    assert.match(tried(log)['cgroup']!, /^E/);
  },
);

const ordinary = { skip: needs.skip || (process.geteuid!() === 0 && 'root may look into everything') };
test('CVE-2016-8659: nobody of the same user can look into the processes that set up', ordinary, async () => {
  const sandbox = await launchSandbox(scriptSpec('echo ready; sleep 100'), { onLog: () => {} });
  try {
    const uid = process.geteuid!();
    const owner = (pid: number) => lstatSync(`/proc/${pid}/environ`).uid;
    const supervisor = Number(
      /^PPid:\t(\d+)$/m.exec(readFileSync(`/proc/${sandbox.pid}/status`, 'utf8'))![1],
    );
    const [builder] = readFileSync(`/proc/${sandbox.pid}/task/${sandbox.pid}/children`, 'utf8')
      .trim()
      .split(' ');
    // The files of a process that may be traced are its user’s.
    for (let tries = 0; tries < 1000 && owner(Number(builder)) !== uid; tries++) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    assert.equal(owner(Number(builder)), uid, 'the control: the builder is as every other program');
    for (const pid of [sandbox.pid, supervisor]) assert.notEqual(owner(pid), uid, `${pid}`);
  } finally {
    sandbox.kill();
    await sandbox.exit;
  }
});

test(
  'CVE-2019-8308, CVE-2019-5736: the programs that make a sandbox are not overwritten from inside',
  needs,
  async () => {
    const programs = [launcherPath, join(dirname(launcherPath), 'airplant.node'), process.execPath];
    const hashes = () =>
      programs.map((file) => createHash('sha256').update(readFileSync(file)).digest('hex'));
    const before = hashes();

    // The attack is good: whoever gets hold of a program while it runs can write to it afterwards.
    const take = (from: string, wait: string) =>
      `exec 9<${from} && { ${wait}; echo overwritten >> /proc/self/fd/9; }`;
    const victim = join(freshDirectory('victim'), 'sleep');
    const lure = `
      cp $(command -v sleep) ${victim}; ${victim} 60 &
      while kill -0 $! && [ "$(readlink /proc/$!/exe)" != ${victim} ]; do sleep 0.05; done
      ${take('/proc/$!/exe', 'kill $!; wait $!')}`;
    spawnSync('sh', ['-c', lure]);
    assert.match(readFileSync(victim, 'latin1'), /overwritten\n$/);

    const { log } = await built(
      directory,
      attack(
        `(${take('/proc/1/exe', 'true')}); for exe in /proc/[0-9]*/exe; do (echo overwritten >> $exe); done; echo > $out`,
      ),
    );
    const outcomes = log.trimEnd().split('\n');
    assert.ok(outcomes.length >= 3, log);
    for (const line of outcomes) assert.match(line, /Permission denied|Text file busy|Read-only file system/);

    // As the builder, or the interpreter of one, it is the launcher that runs: on its own, without what it needs.
    const script = attack("echo '#!/proc/self/exe' > $out; bb chmod 755 $out");
    const builders = ['/proc/self/exe', script];
    for (const builder of builders) {
      const wanted = derivation({
        name: 'exe',
        system: 'x86_64-linux',
        builder,
        args: ['sh', '-c', 'echo > $out'],
        LD_PRELOAD: '/build/evil.so',
      } as Parameters<typeof derivation>[0]);
      const { error, log } = await buildOnce(directory, wanted as unknown as DerivationValue);
      assert.equal(error?.code, 'ERR_BUILD_FAILED');
      assert.match(log, /airplant-launcher is started by airplant, not by hand/);
    }
    assert.deepEqual(hashes(), before);
  },
);
