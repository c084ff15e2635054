import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { ResourceGroups } from '../../ts/build/resource-group.js';
import type { SettingsInput } from '../../ts/config/load.js';
import { probeHost } from '../../ts/doctor/probe.js';
import { type DerivationValue, openStore } from '../../ts/index.js';
import { makeControlGroup } from '../../ts/sandbox/control-group.js';
import { isOurName, removeAbandonedGroups } from '../../ts/sandbox/control-group-files.js';
import { findGroupParent, type GroupParent, prepareGroupParent } from '../../ts/sandbox/group-parent.js';
import { launchSandbox } from '../../ts/sandbox/launch.js';
import { FakeGroups } from '../support/fake-groups.js';
import { requires } from '../support/requires.js';
import { freshDirectory, runSpec, scriptSpec, unsealedSpec } from '../support/sandbox.js';
import { scriptDerivation } from '../support/scripts.js';

const leaveGroup = fileURLToPath(new URL('programs/leave-group.js', import.meta.url));
const unified = ['/sys/fs/cgroup/unified', '/sys/fs/cgroup'].find((path) =>
  existsSync(join(path, 'cgroup.controllers')),
);

const all = { memoryBytes: 1 << 30, pids: 50, cpuPercent: 150 };

describe('a control group', () => {
  test('has the limits written, and is gone afterwards', async () => {
    const { files, root } = new FakeGroups(['memory', 'pids', 'cpu']);
    for (const controller of ['memory', 'pids', 'cpu'])
      files.write(join(root, 'cgroup.subtree_control'), `+${controller}`);
    const group = makeControlGroup(root, all, files)!;
    const text = (file: string) => readFileSync(join(group.directory, file), 'utf8');
    assert.deepEqual(group.applied, ['memory', 'pids', 'cpu']);
    assert.deepEqual(group.shortfalls, []);
    assert.equal(text('memory.max'), '1073741824');
    assert.equal(text('memory.oom.group'), '1');
    assert.equal(text('pids.max'), '50');
    assert.equal(text('cpu.max'), '150000 100000');
    writeFileSync(join(group.directory, 'memory.peak'), '123456\n');
    writeFileSync(
      join(group.directory, 'cpu.stat'),
      'usage_usec 3000000\nuser_usec 2000000\nsystem_usec 1000000\n',
    );
    assert.deepEqual(await group.finish(), { userSeconds: 2, systemSeconds: 1, memoryPeakBytes: 123456 });
    assert.ok(!existsSync(group.directory));
  });

  test('says which limits are not in force', () => {
    const { files, root } = new FakeGroups(['memory', 'pids', 'cpu']);
    files.write(join(root, 'cgroup.subtree_control'), '+pids');
    const group = makeControlGroup(root, all, files)!;
    assert.deepEqual(group.applied, ['pids']);
    assert.equal(group.shortfalls.length, 2);
    assert.match(group.shortfalls[0]!, /memory is not in force.*'memory'/);
    assert.match(group.shortfalls[1]!, /CPU time is not in force/);
  });

  test('that was named and cannot be used is an error, whether limits are required or not', async () => {
    const missing = join(freshDirectory('cgroup'), 'missing');
    for (const always of [false, true]) {
      const policy = { limits: always ? {} : { pids: 5 }, required: false, always, parent: missing };
      await assert.rejects(new ResourceGroups(policy).make({}), {
        code: 'ERR_SANDBOX_UNAVAILABLE',
        message: /missing': it is no control group/,
      });
    }
    const nobody = { limits: {}, required: false, always: false, parent: missing };
    assert.deepEqual(await new ResourceGroups(nobody).make({}), { group: undefined, shortfalls: [] });
  });

  test('is entered before the builder runs', requires('user-namespaces', 'program:busybox'), async () => {
    const { files, root } = new FakeGroups([]);
    const group = makeControlGroup(root, {}, files)!;
    const { log } = await runSpec(scriptSpec('echo runs', { controlGroup: group.directory }));
    assert.equal(log, 'runs\n');
    assert.equal(readFileSync(join(group.directory, 'cgroup.procs'), 'utf8'), '0');
  });

  test('is entered by a command without a sandbox as well', async () => {
    const { files, root } = new FakeGroups([]);
    const group = makeControlGroup(root, {}, files)!;
    const { exit } = await runSpec(unsealedSpec('exit 0', { controlGroup: group.directory }));
    assert.deepEqual([exit.kind, exit.kind === 'exited' && exit.status], ['exited', 0]);
    assert.equal(readFileSync(join(group.directory, 'cgroup.procs'), 'utf8'), '0');
    const controlGroup = join(freshDirectory('cgroup'), 'missing');
    await assert.rejects(launchSandbox(unsealedSpec('exit 0', { controlGroup })), {
      code: 'ERR_SANDBOX_SETUP',
    });
  });

  test('that is missing fails the set-up', requires('user-namespaces'), async () => {
    const controlGroup = join(freshDirectory('cgroup'), 'missing');
    await assert.rejects(launchSandbox(scriptSpec('true', { controlGroup })), {
      code: 'ERR_SANDBOX_SETUP',
    });
  });
});

test('as root: a real control group holds the whole build, and kills it', {
  ...requires('root', 'user-namespaces', 'program:busybox'),
  ...(unified ? {} : { skip: 'no cgroup v2' }),
}, async () => {
  const group = makeControlGroup(unified!, {})!;
  let log = '';
  let ready = () => {};
  const running = new Promise<void>((resolve) => {
    ready = resolve;
  });
  const sandbox = await launchSandbox(
    scriptSpec('(setsid sleep 1000 &) ; sleep 0.2; echo ready; sleep 1000', {
      controlGroup: group.directory,
    }),
    {
      onLog: (chunk) => {
        log += Buffer.from(chunk).toString();
        if (log.includes('ready')) ready();
      },
    },
  );
  await running;
  const members = readFileSync(join(group.directory, 'cgroup.procs'), 'utf8').trim().split('\n');
  assert.ok(members.includes(String(sandbox.pid)) && members.length >= 3, members.join(' '));
  const usage = await group.finish();
  const exit = await sandbox.exit;
  assert.deepEqual([exit.kind, exit.kind === 'signalled' && exit.signal], ['signalled', 9]);
  assert.ok(usage.userSeconds !== undefined, 'cpu.stat is there without any controller');
  assert.ok(!existsSync(group.directory));
});

const { cgroup } = await probeHost();
const delegated = cgroup && findGroupParent(cgroup, []);
const [controller] = delegated ? words(delegated.directory, 'cgroup.controllers') : [];
const withController = {
  skip: controller ? false : 'no control group around this process could be given a controller',
};

/** Runs a program in a group that it shares with `others`, and gives what it found, and its own group afterwards. */
async function inGroup(
  others: number,
): Promise<{ home: string; parent: GroupParent; group: string; left: string[] }> {
  const around = findGroupParent(cgroup!, [controller!])!;
  prepareGroupParent({ ...around, leave: false });
  const home = join(around.directory, `home-${process.pid}-${others}`);
  mkdirSync(home);
  const start = (...command: string[]) =>
    spawn('/bin/sh', ['-euc', `echo 0 > ${home}/cgroup.procs; exec "$@"`, 'sh', ...command], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
  const sleepers = Array.from({ length: others }, () => start('sleep', '1000'));
  try {
    while (words(home, 'cgroup.procs').length < others) await sleep(10);
    const out = await text(start(process.execPath, leaveGroup, controller!).stdout);
    const left = readdirSync(home).filter(isOurName);
    removeAbandonedGroups(home);
    assert.deepEqual(readdirSync(home).filter(isOurName), []);
    return { home, left, ...(JSON.parse(out) as { parent: GroupParent; group: string }) };
  } finally {
    const ended = sleepers.map((sleeper) => once(sleeper, 'close'));
    for (const sleeper of sleepers) sleeper.kill('SIGKILL');
    await Promise.all(ended);
    while (words(home, 'cgroup.procs').length > 0) await sleep(10);
    rmdirSync(home);
  }
}

test(
  'a real group in which nobody else is, is left for one inside, so that it can hand controllers on',
  withController,
  async () => {
    const { home, parent, group, left } = await inGroup(0);
    assert.deepEqual(parent, { directory: home, controllers: [controller], leave: true });
    assert.equal(dirname(group), home);
    assert.deepEqual([basename(group)], left);
  },
);

test('a real group in which somebody else is, is not', withController, async () => {
  const { home, parent, group } = await inGroup(1);
  assert.deepEqual(parent, { directory: dirname(home), controllers: [controller], leave: false });
  assert.equal(group, home);
});

test(
  'limits of builds are in force, or that is warned of once, recorded, and an error where they are required',
  requires('user-namespaces', 'program:busybox'),
  async () => {
    const settings = { 'sandbox-paths': ['/bin/busybox'], 'build-pids-max': 100 };
    const made = (required: boolean) =>
      inStore({ ...settings, 'require-build-limits': required }, [
        scriptDerivation(`first-${required}`, 'echo x > $out'),
        scriptDerivation(`second-${required}`, 'echo x > $out'),
      ]);
    const host = await probeHost();
    const { results, warnings } = await made(false);
    const strict = await made(true);
    if (host.cgroup && findGroupParent(host.cgroup, ['pids'])?.controllers.length === 1) {
      for (const { isolation } of [...results, ...strict.results])
        assert.deepEqual(isolation?.limits, ['pids']);
      assert.deepEqual(warnings, []);
      return;
    }
    const sentence = /^The limit on processes is not in force: no cgroup v2 controller 'pids'/;
    assert.equal(warnings.length, 1);
    assert.match(warnings[0]!, sentence);
    assert.match(warnings[0]!, /systemd-run --user --scope -p Delegate=yes/);
    for (const { isolation } of results) assert.ok(isolation!.shortfalls.some((one) => sentence.test(one)));
    for (const { error } of strict.results) assert.equal(error?.code, 'ERR_SANDBOX_UNAVAILABLE');
    assert.deepEqual(strict.warnings, []);
  },
);

test(
  'a hook has a say in the limits of its build, and in which there are none',
  requires('user-namespaces', 'program:busybox'),
  async () => {
    const directory = freshDirectory('limits-hook');
    const hook = join(directory, 'hook');
    const made = (limits: string, more: SettingsInput) => {
      const reply = `airplant-hook 1\\n{"limits": ${limits}}`;
      writeFileSync(hook, `#!/bin/sh\ncat > ${directory}/request\nprintf '${reply}'\n`, { mode: 0o755 });
      const settings = { 'sandbox-paths': ['/bin/busybox'], 'pre-build-hook': hook, ...more };
      return inStore(settings, [scriptDerivation('hooked', 'echo x > $out')]);
    };
    const host = await probeHost();
    const controllers = ['memory', 'pids', 'cpu'];
    const among = (host.cgroup && findGroupParent(host.cgroup, controllers)?.controllers) ?? [];
    const asked = await made('{"memoryBytes": 1073741824, "pids": 100, "cpuPercent": 400}', {});
    const { error, isolation } = asked.results[0]!;
    assert.equal(error, undefined);
    assert.deepEqual(
      isolation!.limits ?? [],
      controllers.filter((one) => among.includes(one)),
    );
    const lacking = isolation!.shortfalls.filter((one) => one.includes('is not in force'));
    assert.equal(lacking.length, controllers.length - among.length);
    assert.equal(asked.warnings.length, lacking.length > 0 ? 1 : 0);
    // Required of a hook's limits as of those of settings.
    const strict = await made('{"pids": 100}', { 'require-build-limits': true });
    const code = among.includes('pids') ? undefined : 'ERR_SANDBOX_UNAVAILABLE';
    assert.equal(strict.results[0]!.error?.code, code);
    // The hook is told what there is, and may take it away.
    const lifted = await made('{"pids": 0}', { 'build-pids-max': 100, 'require-build-limits': true });
    const request = JSON.parse(readFileSync(join(directory, 'request'), 'utf8')) as {
      limits: Record<string, number>;
    };
    assert.equal(request.limits['pids'], 100);
    assert.equal(lifted.results[0]!.error, undefined);
    assert.deepEqual(lifted.results[0]!.isolation!.limits ?? [], []);
    assert.deepEqual(lifted.warnings, []);
  },
);

async function inStore(settings: SettingsInput, wanted: readonly DerivationValue[]) {
  await using store = await openStore({
    store: freshDirectory('limits'),
    settings: { ...settings, 'keep-going': true },
  });
  const run = store.build(wanted);
  const warnings: string[] = [];
  for await (const event of run) if (event.type === 'warning') warnings.push(event.message);
  return { results: (await run.result).results, warnings };
}

function words(group: string, file: string): string[] {
  return readFileSync(join(group, file), 'utf8').split(/\s+/).filter(Boolean);
}
