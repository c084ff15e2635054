import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { isAirplantError } from '../../ts/base/errors.js';
import type { Check } from '../../ts/doctor/check.js';
import { runDoctor } from '../../ts/sandbox/run-doctor.js';
import { requires } from '../support/requires.js';
import { freshDirectory } from '../support/sandbox.js';

const modulePath = fileURLToPath(new URL('../../ts/sandbox/run-doctor.js', import.meta.url));

/** Runs the doctor on a host made worse: by a script with root's rights in namespaces of its own, then `exec "$@"`. */
function doctorAfter(script: string): Check[] {
  const program = `
    const { runDoctor } = await import(${JSON.stringify(modulePath)});
    process.stdout.write(JSON.stringify(await runDoctor()));`;
  const node = [process.execPath, '--input-type=module', '-e', program];
  const { stdout, stderr, status } = spawnSync(
    'unshare',
    ['--user', '--map-root-user', '--mount', 'sh', '-euc', `${script}; exec "$@"`, 'sh', ...node],
    { encoding: 'utf8' },
  );
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout) as Check[];
}

const failures = (checks: readonly Check[]) => checks.filter(({ ok, required }) => !ok && required);

test(
  'where sandboxes work, every trial succeeds and leaves nothing behind',
  requires('user-namespaces'),
  async () => {
    const directory = freshDirectory('doctor');
    const checks = await runDoctor({ directory });
    assert.deepEqual(failures(checks), []);
    assert.ok(checks.some(({ name, ok }) => name === 'a whole build' && ok));
    assert.deepEqual(readdirSync(directory), []);
  },
);

test('a directory that cannot be written to', async () => {
  await assert.rejects(runDoctor({ directory: join(freshDirectory(), 'missing') }), (error) =>
    isAirplantError(error, 'ERR_FILE'),
  );
});

const kinds = {
  user: 'user',
  mnt: 'mount',
  pid: 'pid',
  ipc: 'ipc',
  uts: 'uts',
  net: 'network',
  cgroup: 'cgroup',
};
for (const [kind, step] of Object.entries(kinds)) {
  test(`a limit of zero ${kind} namespaces is found and named`, requires('user-namespaces'), () => {
    const checks = doctorAfter(`echo 0 > /proc/sys/user/max_${kind}_namespaces`);
    const [failed, ...others] = failures(checks);
    assert.equal(failed?.step, `unshare-${step}`);
    assert.equal(failed.errno, 'ENOSPC');
    assert.match(failed.cause ?? '', new RegExp(`^user.max_${kind}_namespaces is 0`));
    assert.match(failed.cure ?? '', new RegExp(`sysctl -w user.max_${kind}_namespaces=`));
    assert.match(failed.cost ?? '', /Nothing can be built/);
    // /proc takes a process namespace too; nothing else depends on anything else.
    assert.deepEqual(
      others.map((check) => check.step),
      kind === 'pid' ? ['unshare-pid'] : [],
    );
    assert.ok(!checks.some(({ name }) => name === 'a whole build'));
  });
}

test('a masked /proc is found, and the rest tried all the same', requires('user-namespaces'), () => {
  const checks = doctorAfter('mount -t tmpfs none /proc/sys');
  const [failed, ...others] = failures(checks);
  assert.deepEqual([failed?.step, failed?.errno], ['mount-proc', 'EPERM']);
  assert.match(failed?.cause ?? '', /masked by mounts \('\/proc\/sys'\)/);
  assert.deepEqual(others, []);
});

test('a chroot is found', requires('user-namespaces'), () => {
  // The kernel refuses user namespaces in any chroot; only one that is no mount shows as such.
  const directory = freshDirectory('chroot');
  chmodSync(directory, 0o755);
  const mounts =
    'for d in /*; do test -L $d && cp -P $d $R$d || { mkdir $R$d; mount --rbind $d $R$d; }; done';
  const checks = doctorAfter(
    `R=${directory}; umask 022; ${mounts} 2>/dev/null || true; set -- chroot $R "$@"`,
  );
  const [failed] = failures(checks);
  assert.deepEqual([failed?.step, failed?.errno], ['unshare-user', 'EPERM']);
  assert.match(failed?.cause ?? '', /chroot/);
});
