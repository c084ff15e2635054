import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { derivationNamed, FakeHost, pathInfo } from './fake-host.js';

const drv = '/nix/store/9sd9qpl47gvr21g7n6kxlx4dch82y0qd-hello-2.12.drv';
const inputDrv = '/nix/store/x5lwfmcgs4i54v4dj4x421bms9bgyxn3-b.drv';
const out = '/nix/store/w2gbh6q1ywqx2fxffd2djqav63zyqfb0-hello-2.12';
const lib = '/nix/store/gfjc475l9yhcfygl9wlj5hj7imyfd77g-lib';

let directory = '';
let host = new FakeHost();
before(() => {
  directory = mkdtempSync(join(tmpdir(), 'airplant-commands-'));
});
after(() => rmSync(directory, { recursive: true, force: true }));
beforeEach(() => {
  host = new FakeHost();
  host.cwd = directory;
  const { local } = host.store;
  local.infos.set(out, pathInfo(out, { references: [lib], deriver: drv, narSize: 30 }));
  local.infos.set(lib, pathInfo(lib, { narSize: 12 }));
  local.derivations.set(
    drv,
    derivationNamed('hello', { inputDrvs: new Map([[inputDrv, { outputs: ['out'], dynamic: new Map() }]]) }),
  );
  local.derivations.set(inputDrv, derivationNamed('b'));
  local.logTexts.set(drv, 'one\n\x1b[2Jtwo\x07\r\nthree');
});

test('log: raw bytes to a file, harmless text to a terminal', async () => {
  assert.equal((await host.run('log', drv)).stdout, 'one\n\x1b[2Jtwo\x07\r\nthree');
  assert.equal((await host.run('log', out)).stdout, 'one\n\x1b[2Jtwo\x07\r\nthree');
  host.stdoutIsTTY = true;
  assert.equal((await host.run('log', out)).stdout, 'one\ntwo\nthree\n');
});

test('log: none kept', async () => {
  const { status, stderr } = await host.run('log', inputDrv);
  assert.equal(status, 1);
  assert.match(stderr, /^error: no log of .*-b\.drv is kept in this store\nhint: /);
});

test('show-derivation', async () => {
  const one = JSON.parse((await host.run('show-derivation', drv)).stdout) as {
    version: number;
    derivations: object;
  };
  assert.equal(one.version, 4);
  assert.deepEqual(Object.keys(one.derivations), [drv.slice('/nix/store/'.length)]);
  const all = JSON.parse((await host.run('show-derivation', '-r', '--format', '1', out)).stdout) as object;
  assert.deepEqual(Object.keys(all), [drv, inputDrv]);
});

test('path-info in columns and as JSON', async () => {
  assert.equal((await host.run('path-info', out)).stdout, `${out}\n`);
  assert.equal((await host.run('path-info', '-r', out)).stdout, `${lib}\n${out}\n`);
  assert.equal(
    (await host.run('path-info', '-sS', '--real', out)).stdout,
    `${out}\t30\t42\t/home/u/root${out}\n`,
  );
  const [info] = JSON.parse((await host.run('path-info', '--json', out)).stdout) as Record<string, unknown>[];
  assert.deepEqual(info, {
    path: out,
    realPath: `/home/u/root${out}`,
    narHash: 'sha256-ERERERERERERERERERERERERERERERERERERERERERE=',
    narSize: 30,
    references: [lib],
    deriver: drv,
    ca: null,
    registrationTime: 1,
    ultimate: true,
    signatures: [],
  });
});

test('a path outside of the store is refused', async () => {
  for (const operand of ['/etc/passwd', '.', '/nix/storehouse/x', '/nix/store']) {
    const { status, stderr } = await host.run('path-info', operand);
    assert.equal(status, 1);
    assert.match(stderr, /is not in the store directory/);
  }
});

test('run: a file, the one program, the one named like the path; through a dangling link', async () => {
  const root = mkdtempSync(join(directory, 'root-'));
  const realStoreDir = join(root, 'nix/store');
  host.store.local.directories = { ...host.store.local.directories, realStoreDir, root };
  const bin = join(realStoreDir, out.slice('/nix/store/'.length), 'bin');
  mkdirSync(bin, { recursive: true });
  writeFileSync(join(bin, 'only'), '');
  symlinkSync(out, join(directory, 'result'));

  await host.run('run', './result', '--flag', '-x');
  await host.run('run', `${out}/bin/only`);
  writeFileSync(join(bin, 'hello'), '');
  await host.run('run', './result');
  assert.deepEqual(
    host.entered.map(({ program, args }) => [program, ...args]),
    [[`${out}/bin/only`, '--flag', '-x'], [`${out}/bin/only`], [`${out}/bin/hello`]],
  );
  assert.equal(host.leftToChild, true);
  assert.equal(host.store.closed, 3);

  rmSync(join(bin, 'hello'));
  writeFileSync(join(bin, 'other'), '');
  assert.match((await host.run('run', './result')).stderr, /has several programs: only, other/);
  assert.match((await host.run('run', './result/bin/none')).stderr, /does not exist in this store/);
});

test('run: the status of the program', async () => {
  const root = mkdtempSync(join(directory, 'root-'));
  host.store.local.directories = { ...host.store.local.directories, realStoreDir: join(root, 'store') };
  mkdirSync(join(root, 'store'));
  writeFileSync(join(root, 'store', out.slice('/nix/store/'.length)), '');
  const { usage } = host.exit;
  host.exit = { kind: 'exited', status: 7, usage };
  assert.equal((await host.run('run', out)).status, 7);
  host.exit = { kind: 'signalled', signal: 11, usage };
  assert.equal((await host.run('run', out)).status, 139);
});

test('shell --failed: a shell, a command, one line', async () => {
  const drv = `${out}.drv`;
  await host.run('shell', '--failed', drv);
  await host.run('shell', '--failed', drv, '--', 'make', '-C', 'src');
  await host.run('shell', '--failed', drv, '-c', 'make check');
  assert.deepEqual(host.store.enteredFailed, [
    [drv],
    [drv, 'make', '-C', 'src'],
    [drv, '/bin/sh', '-c', 'make check'],
  ]);
  assert.match((await host.run('shell', '--failed', drv, '-c', 'x', 'y')).stderr, /exclude each other/);
  assert.match((await host.run('shell', '--failed', out)).stderr, /is not a derivation/);
  host.store.exit = { ...host.exit, kind: 'signalled', signal: 9 };
  assert.equal((await host.run('shell', '--failed', drv)).status, 137);
});

test('shell: the search path, the shell, one command', async () => {
  Object.assign(host.env, { PATH: '/bin', SHELL: '/bin/zsh' });
  await host.run('shell', out, lib);
  await host.run('shell', '-c', 'hello --version');
  const [first, second] = host.entered;
  assert.equal(first!.program, '/bin/zsh');
  assert.equal(first!.env['PATH'], `${out}/bin:${lib}/bin:/bin`);
  assert.deepEqual([second!.program, ...second!.args], ['/bin/sh', '-c', 'hello --version']);
});

test('show-sandbox: every entry with its reason', async () => {
  host.store.spec = {
    version: 1,
    backend: { kind: 'linux-namespaces' },
    root: { kind: 'tmpfs' },
    namespaces: { pid: true, ipc: true, uts: true, network: 'private' },
    ids: { uid: 1000, gid: 100 },
    hostname: 'localhost',
    domainname: '(none)',
    entries: [
      { kind: 'symlink', target: '/dev/fd', to: '/proc/self/fd', why: 'as on any system' },
      {
        kind: 'bind',
        source: '/home/u/x',
        target: lib,
        readOnly: true,
        optional: false,
        follow: false,
        why: 'input',
      },
    ],
    command: { path: '/bin/sh', argv: ['sh', '-e'], env: [['A', 'b\x1b[2J']], cwd: '/build', umask: 0o22 },
    limits: { rlimits: [] },
    personality: 0,
    filter: 'sealed',
    session: 'sealed',
  };
  const { stdout } = await host.run('show-sandbox', drv);
  assert.match(stdout, /^namespaces {2}user, mount, pid, ipc, uts$/m);
  assert.match(stdout, /^symlink {5}\/dev\/fd -> \/proc\/self\/fd {2}\(as on any system\)$/m);
  assert.match(stdout, /^read-only {3}\/nix\/store\/.*-lib from \/home\/u\/x {2}\(input\)$/m);
  assert.match(stdout, /^environment A="b\\u001b\[2J"$/m);
  const json = (await host.run('show-sandbox', drv, '--json')).stdout;
  assert.deepEqual(JSON.parse(json), host.store.spec);
});

test('doctor: what fails, why and what helps', async () => {
  host.diagnoses = [{ name: 'user namespace', ok: true, required: true }];
  assert.equal((await host.run('doctor')).status, 0);
  host.diagnoses = [
    { name: 'user namespace', ok: true, required: true },
    { name: 'kvm', ok: false, required: false, cost: 'no virtual machines' },
  ];
  const small = await host.run('doctor');
  assert.equal(small.status, 0);
  assert.match(small.stdout, /^lacks kvm\n {6}cost: no virtual machines\nBuilds can be sealed/m);
  host.diagnoses = [
    {
      name: 'proc',
      ok: false,
      required: true,
      step: 'mount-proc',
      errno: 'EPERM',
      cause: 'masked /proc',
      cure: 'do this',
    },
  ];
  const { status, stdout } = await host.run('doctor');
  assert.equal(status, 1);
  assert.match(stdout, /^fails proc \(mount-proc: EPERM\)\n {6}cause: masked \/proc\n {6}cure: do this$/m);
  const json = JSON.parse((await host.run('doctor', '--json')).stdout) as { ok: boolean };
  assert.equal(json.ok, false);
});

test('store remove asks to be told twice', async () => {
  const first = await host.run('store', 'remove');
  assert.equal(first.status, 2);
  assert.match(first.stderr, /would delete the store in \/home\/u\/root; say --yes/);
  assert.deepEqual(host.removed, []);
  assert.equal((await host.run('store', 'remove', '--yes')).status, 0);
  assert.deepEqual(host.removed, [host.store.local.directories]);
});

test('config: values and origins', async () => {
  host.env['NIX_CONFIG'] = 'cores = 3';
  const { stdout } = await host.run('config', '-j', '5');
  assert.match(stdout, /^cores = 3 {2}# NIX_CONFIG:1$/m);
  assert.match(stdout, /^max-jobs = 5 {2}# command line$/m);
  assert.match(stdout, /^timeout = 0 {2}# default$/m);
  const json = JSON.parse((await host.run('config', '--json', 'build-cores')).stdout) as object;
  assert.deepEqual(json, { cores: { value: 3, from: ['NIX_CONFIG:1'] } });
  const wrong = await host.run('config', 'core');
  assert.deepEqual([wrong.status, wrong.stdout], [2, '']);
  assert.match(wrong.stderr, /did you mean 'cores'/);
});

test('unknown settings of a nix.conf are mentioned only when debugging', async () => {
  host.env['NIX_CONFIG'] = 'hashed-mirrors = x';
  assert.equal((await host.run('config', 'cores')).stderr, '');
  host.env['AIRPLANT_DEBUG'] = '1';
  assert.match(
    (await host.run('config', 'cores')).stderr,
    /note: NIX_CONFIG:1: unknown setting 'hashed-mirrors'/,
  );
});

test('hash file, path and convert', async () => {
  writeFileSync(join(directory, 'x'), 'hello\n');
  assert.equal(
    (await host.run('hash', 'file', 'x')).stdout,
    'sha256-WJG1tSLV3whtD/CxEPvZ0hu0/HFjrzTQgoai6Eb2vgM=\n',
  );
  assert.equal(
    (await host.run('hash', 'file', '--type', 'md5', '--to', 'base16', 'x')).stdout,
    'b1946ac92492d2347c6235b4d2611184\n',
  );
  const { stdout } = await host.run('hash', 'convert', '--to', 'base32', `sha256:${'00'.repeat(32)}`);
  assert.equal(stdout, `${'0'.repeat(52)}\n`);
  assert.equal((await host.run('hash', 'path', '--to', 'base16', 'x')).stdout, `${'00'.repeat(32)}\n`);
  const rows = async (...words: string[]) => JSON.parse((await host.run('hash', ...words, '--json')).stdout);
  const zeros = '00'.repeat(32);
  assert.deepEqual(await rows('path', '--to', 'base16', 'x', 'x'), [
    { path: 'x', algorithm: 'sha256', hash: zeros },
    { path: 'x', algorithm: 'sha256', hash: zeros },
  ]);
  assert.deepEqual(await rows('convert', '--to', 'base16', `sha256:${zeros}`), [
    { from: `sha256:${zeros}`, algorithm: 'sha256', hash: zeros },
  ]);
  assert.equal((await host.run('hash', 'convert', 'nonsense')).status, 1);
  assert.equal((await host.run('hash', 'file', 'missing')).status, 1);
});
