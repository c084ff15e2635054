import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { isAirplantError } from '../../../ts/base/errors.js';
import { requires } from '../../support/requires.js';
import { busybox, freshDirectory, runSpec, sandboxSpec } from '../../support/sandbox.js';
import { temporaryDirectory } from '../../support/temporary.js';
import { attack, buildOnce, built, canary, hostScript } from './hostile-builds.js';

// The root of a sandbox while it is made: what is mounted and written where, if somebody has prepared the place.
const needs = requires('user-namespaces', 'program:busybox');
const directory = temporaryDirectory('vulnerable-root');

for (const name of ['dev', 'etc', 'proc', 'tmp', 'nix', 'nix/store', 'bin', 'build']) {
  test(
    `CVE-2026-41579, CVE-2026-47766, CVE-2019-18837, CVE-2025-24965: nothing is made through a symlink at /${name}`,
    needs,
    async () => {
      const { place, intact } = canary();
      const hook = hostScript(
        `rm -rf "$2/${name}" && ln -s ${place} "$2/${name}" && test -e "$2/${name}/file" || exit 1`,
      );
      const { error } = await buildOnce(directory, attack('echo > $out'), { 'pre-build-hook': hook });
      assert.equal(error?.code, 'ERR_SANDBOX_SETUP');
      assert.match(error.message, /\b(ENOTDIR|ELOOP|EEXIST)\b/, 'the hook did its work');
      intact();
    },
  );
}

const launchOnce = fileURLToPath(new URL('../../support/launch-once.js', import.meta.url));
test(
  'CVE-2019-16884, CVE-2019-19921, CVE-2023-27561, CVE-2025-52881: a /proc that is none is not written to',
  needs,
  () => {
    const files = '/proc/self/setgroups /proc/self/uid_map /proc/self/gid_map /proc/self/oom_score_adj';
    const script = `
    mount -t tmpfs none /proc && mkdir -p /proc/self/ns /proc/sys/user || exit 9
    for file in ${files}; do echo plain > $file; done
    "$@"; cat ${files}`;
    const { stdout, stderr } = spawnSync(
      'unshare',
      ['-Urm', 'sh', '-c', script, 'sh', process.execPath, launchOnce, freshDirectory('root')],
      { encoding: 'utf8' },
    );
    const [refusal, ...contents] = stdout.trimEnd().split('\n');
    assert.deepEqual(contents, ['plain', 'plain', 'plain', 'plain'], stderr);
    const { code, details } = JSON.parse(refusal!) as { code: string; details: Record<string, unknown> };
    assert.equal(code, 'ERR_SANDBOX_SETUP');
    assert.deepEqual(details, { step: 'open-proc', errno: 'ENOTSUP', path: '/proc' });
  },
);

test('CVE-2024-21626: no descriptor is open to be a directory to start in', needs, async () => {
  const { place } = canary();
  // The attack is good: a descriptor of the host’s that is open leads out of a root that was merely changed.
  const root = freshDirectory('changed-root');
  for (const name of ['bin', 'proc']) mkdirSync(join(root, name));
  copyFileSync(busybox, join(root, 'bin/busybox'));
  const leaky = `mount -t proc proc ${root}/proc && exec 9<${place} &&
    exec chroot ${root} /bin/busybox sh -c 'cd /proc/self/fd/9 && /bin/busybox ls'`;
  const outside = ['--user', '--map-root-user', '--mount', '--pid', '--fork', 'sh', '-c', leaky];
  assert.equal(execFileSync('unshare', outside, { encoding: 'utf8' }), 'file\n');

  const open: number[] = [];
  for (let fd = 3; fd < 40; fd++) {
    const spec = sandboxSpec(['true']);
    const command = { ...spec.command, cwd: `/proc/self/fd/${fd}` };
    await assert.rejects(runSpec({ ...spec, command }), (error) => {
      assert.ok(isAirplantError(error, 'ERR_SANDBOX_SETUP'), `${fd}: ${error}`);
      const { step, errno } = error.details;
      assert.equal(step, 'chdir');
      if (errno !== 'ENOENT') open.push(fd);
      return true;
    });
  }
  assert.ok(open.length <= 1, `besides the pipe that tells of failures, these are open: ${open.join()}`);
});

test(
  'CVE-2024-42472, CVE-2026-34078, GHSA-8688-9x26-hhxj: what a builder made a symlink is not mounted for the next',
  needs,
  async () => {
    const { place, intact } = canary();
    const shared = join(directory, 'shared');
    mkdirSync(join(shared, 'data'), { recursive: true });
    const writable = { 'writable-sandbox-paths': [`/shared=${shared}`] };
    await built(
      directory,
      attack(`bb rmdir /shared/data; bb ln -s ${place} /shared/data; echo > $out`),
      writable,
    );
    const shown = { 'sandbox-paths': [`/data=${join(shared, 'data')}`] };
    const look = () => attack('bb ls /data; echo > $out');
    assert.equal((await built(directory, look(), shown)).log, 'file\n', 'the control: it does lead there');
    const { error, log } = await buildOnce(directory, look(), { ...shown, ...writable }).catch((error) => ({
      error,
      log: '',
    }));
    assert.equal(error?.code, 'ERR_SANDBOX_PATH');
    assert.match(error.message, /is reached through '.*shared', which builds may write to/);
    assert.equal(log, '');
    // Nor by the mount of another one’s target in there.
    const inside = {
      ...writable,
      'sandbox-paths': ['/shared/data/planted=/etc/hostname?', '/shared/data/x=/etc/passwd'],
    };
    const second = await buildOnce(directory, look(), inside);
    assert.equal(second.error?.code, 'ERR_SANDBOX_SETUP');
    intact();
  },
);

test(
  'CVE-2024-1753, CVE-2024-9407, CVE-2024-9675: a host path is a path, whatever it looks like',
  needs,
  async () => {
    const { place } = canary();
    const odd = [
      `/data=${place}:rw,rshared`,
      `/data=${place},bind-propagation=shared`,
      `type=bind,source=${place},target=/data`,
      `/data=${place}/../..`,
      `/../data=${place}`,
      `/=${place}`,
      `/data=${place}/file/../../..?`,
    ];
    for (const item of odd) {
      const { error } = await buildOnce(directory, attack('echo > $out'), { 'sandbox-paths': [item] }).catch(
        (error) => ({ error }),
      );
      assert.equal(error?.code, 'ERR_SANDBOX_PATH', item);
    }
    // The control: without the ornaments it is shown, and a name that has them on disk is one like any other.
    mkdirSync(`${place}:rw,rshared`);
    const settings = { 'sandbox-paths': [`/data=${place}`, odd[0]!.replace('/data', '/ornate')] };
    const { log } = await built(
      directory,
      attack('bb ls /data; (echo > /ornate/x) 2>&1; echo > $out'),
      settings,
    );
    assert.match(log, /^file\n.*Read-only file system/);
    assert.ok(!existsSync(`${place}:rw,rshared/x`));
    assert.deepEqual(readdirSync(place), ['file']);
  },
);
