import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { native } from '../../../ts/native.js';
import { compileFixture } from '../../support/compile.js';
import { requires } from '../../support/requires.js';
import { freshDirectory } from '../../support/sandbox.js';
import { temporaryDirectory } from '../../support/temporary.js';

// A caller at a terminal, and a builder that types there.
const needs = requires('user-namespaces', 'program:busybox', 'program:cc');
const main = fileURLToPath(new URL('../../../ts/main.js', import.meta.url));
const directory = temporaryDirectory('vulnerable-terminal');
// Linux 6.2 lets administrators switch the call off for everybody.
const setting = '/proc/sys/dev/tty/legacy_tiocsti';
const forbidden = existsSync(setting) && readFileSync(setting, 'utf8').trim() === '0';
const skip = needs.skip || (forbidden && 'nobody may push input on this machine');

/** Runs a shell command in a session that has a terminal; what can be read from that afterwards. */
function typedDuring(command: string, env: NodeJS.ProcessEnv = {}): string {
  const { master, slave } = native.openPty('raw');
  try {
    const script = `exec 3>&1 >/dev/tty 2>&1; ${command} > ${directory}/said 2>&1; stty -icanon min 0 time 5; head -c 100 >&3`;
    const { stdout, stderr } = spawnSync('setsid', ['--ctty', '--wait', 'sh', '-c', script], {
      stdio: [slave, 'pipe', 'pipe'],
      encoding: 'utf8',
      env: { ...process.env, ...env },
      timeout: 60_000,
    });
    assert.equal(stderr, '');
    return stdout;
  } finally {
    closeSync(master);
    closeSync(slave);
  }
}

test('the attack is good: what is pushed can be read', { skip }, () => {
  assert.match(typedDuring(compileFixture('push-input')), /^x+$/);
});

const ways: Readonly<Record<string, { readonly settings: object; readonly env?: NodeJS.ProcessEnv }>> = {
  'in a sandbox': { settings: {} },
  'in a sandbox without the filter for system calls': { settings: { 'filter-syscalls': false } },
  'outside the sandbox': {
    settings: { sandbox: false },
    env: { NIX_STORE_DIR: join(directory, 'in-place/store') },
  },
};
for (const [where, { settings, env = {} }] of Object.entries(ways)) {
  test(`CVE-2017-5226, CVE-2019-10063, CVE-2019-7303, CVE-2023-28100: a builder ${where} types nothing for its caller`, {
    skip,
  }, () => {
    const program = compileFixture('push-input');
    const sealed = !('sandbox' in settings);
    const module = join(freshDirectory('module'), 'module.mjs');
    writeFileSync(
      module,
      `import { derivation } from 'airplant';
       export const settings = ${JSON.stringify({ ...settings, 'extra-sandbox-paths': [`/push=${program}`] })};
       export default derivation({ name: 'push-${Object.keys(settings).join('-')}', builder: '/bin/sh',
         args: ['-c', '${sealed ? '/push' : program} > $out; ${sealed ? '/push' : program}; exit 0'] });`,
    );
    const where = sealed ? ['--store', join(directory, 'root')] : [];
    const argv = [process.execPath, main, 'build', module, '--no-link', '--print-build-logs', ...where];
    assert.equal(typedDuring(argv.join(' '), env), '');
    const said = readFileSync(join(directory, 'said'), 'utf8');
    assert.match(said, /\/dev\/tty: ENXIO/, said);
    assert.doesNotMatch(said, /: ok/);
  });
}
