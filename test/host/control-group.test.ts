import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { makeResourceGroup } from '../../ts/build/resource-group.js';
import { type ControlGroupFiles, makeControlGroup } from '../../ts/sandbox/control-group.js';
import { launchSandbox } from '../../ts/sandbox/launch.js';
import { goneWithin, processesWith } from '../support/processes.js';
import { requires } from '../support/requires.js';
import { freshDirectory, runSpec, scriptSpec, unsealedSpec } from '../support/sandbox.js';

const unified = ['/sys/fs/cgroup/unified', '/sys/fs/cgroup'].find((path) =>
  existsSync(join(path, 'cgroup.controllers')),
);

/** Ordinary files that behave as the kernel's do: a new group has the files of the controllers handed on. */
function fakeFiles(controllers: readonly string[]): ControlGroupFiles {
  const settings = ['memory.max', 'memory.oom.group', 'pids.max', 'cpu.max'];
  return {
    makeDirectory(path) {
      mkdirSync(path);
      const made = settings.filter((file) => controllers.includes(file.split('.')[0]!));
      for (const file of [...made, 'cgroup.procs', 'cgroup.kill']) writeFileSync(join(path, file), '');
    },
    write(path, text) {
      if (!existsSync(path)) throw new Error('ENOENT');
      writeFileSync(path, text);
    },
    read: (path) => readFileSync(path, 'utf8'),
    removeDirectory: (path) => rmSync(path, { recursive: true }),
  };
}

const all = { memoryBytes: 1 << 30, pids: 50, cpuPercent: 150 };

describe('a control group', () => {
  test('has the limits written, and is gone afterwards', async () => {
    const parent = freshDirectory('cgroup');
    writeFileSync(join(parent, 'cgroup.subtree_control'), '');
    const group = makeControlGroup(parent, 'build', all, fakeFiles(['memory', 'pids', 'cpu']))!;
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
    const group = makeControlGroup(freshDirectory('cgroup'), 'build', all, fakeFiles(['pids']))!;
    assert.deepEqual(group.applied, ['pids']);
    assert.equal(group.shortfalls.length, 2);
    assert.match(group.shortfalls[0]!, /memory is not in force.*'memory'/);
    assert.match(group.shortfalls[1]!, /CPU time is not in force/);
  });

  test('that cannot be had is a shortfall, or an error where it is required', async () => {
    const nowhere = join(freshDirectory('cgroup'), 'missing');
    const policy = { limits: { pids: 5 }, required: false, always: false };
    const { group, shortfalls } = await makeResourceGroup(policy, nowhere);
    assert.equal(group, undefined);
    assert.match(shortfalls.join(), /processes is not in force/);
    await assert.rejects(makeResourceGroup({ ...policy, required: true }, nowhere), {
      code: 'ERR_SANDBOX_UNAVAILABLE',
      message: /processes is not in force/,
    });
    assert.deepEqual(await makeResourceGroup({ ...policy, limits: {} }, nowhere), {
      group: undefined,
      shortfalls: [],
    });
  });

  test('is entered before the builder runs', requires('user-namespaces', 'program:busybox'), async () => {
    const group = makeControlGroup(freshDirectory('cgroup'), 'build', {}, fakeFiles([]))!;
    const { log } = await runSpec(scriptSpec('echo runs', { controlGroup: group.directory }));
    assert.equal(log, 'runs\n');
    assert.equal(readFileSync(join(group.directory, 'cgroup.procs'), 'utf8'), '0');
  });

  test('is entered by a command without a sandbox as well', async () => {
    const group = makeControlGroup(freshDirectory('cgroup'), 'build', {}, fakeFiles([]))!;
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
  const group = makeControlGroup(unified!, `airplant-test-${process.pid}`, {})!;
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
  assert.ok(!readdirSync(unified!).includes(`airplant-test-${process.pid}`));
});

test('as root: a real control group kills what an unsealed builder hid from its supervisor', {
  ...requires('root'),
  ...(unified ? {} : { skip: 'no cgroup v2' }),
}, async () => {
  const group = makeControlGroup(unified!, `airplant-unsealed-${process.pid}`, {})!;
  const word = `airplant-hidden-${process.pid}`;
  const hidden = `setsid sh -c 'sleep 1000; : ${word}' > /dev/null 2>&1 &`;
  await runSpec(unsealedSpec(`PATH=/usr/bin:/bin; ${hidden} sleep 0.2`, { controlGroup: group.directory }));
  assert.ok(processesWith(word).length > 0, 'it has left the group of processes');
  await group.finish();
  assert.ok(await goneWithin(word, 10_000));
});
