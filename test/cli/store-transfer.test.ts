import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { somePath } from '../support/stores.js';
import { FakeHost, pathInfo } from './fake-host.js';

const [a, b] = [somePath('a'), somePath('b')];
let host = new FakeHost();
beforeEach(() => {
  host = new FakeHost();
  host.store.local.infos.set(a, pathInfo(a));
  host.store.local.infos.set(b, pathInfo(b, { references: [a] }));
});

test('add: as Nix’s --add, or with another hash', async () => {
  host.cwd = '/home/u';
  assert.equal(
    (await host.run('store', 'add', 'x', '/etc/y')).stdout,
    `${somePath('a', 'x')}\n${somePath('a', 'y')}\n`,
  );
  assert.equal(
    (await host.run('store', 'add', '--flat', '--type', 'sha1', '--name', 'n', 'x')).stdout,
    `${somePath('a', 'n')}\n`,
  );
  assert.deepEqual(host.store.local.transfers, [
    { source: '/home/u/x', name: 'x', method: 'nar', algorithm: undefined },
    { source: '/etc/y', name: 'y', method: 'nar', algorithm: undefined },
    { source: '/home/u/x', name: 'n', method: 'flat', algorithm: 'sha1' },
  ]);
  const two = await host.run('store', 'add', '--name', 'n', 'x', 'y');
  assert.equal(two.status, 2);
});

test('export: what is named, or all it refers to, and never to a terminal', async () => {
  assert.equal((await host.run('store', 'export', b)).stdout, `${b}\n`);
  assert.equal((await host.run('store', 'export', '-r', b)).stdout, `${a}\n${b}\n`);
  host.stdoutIsTTY = true;
  const { status, stdout, stderr } = await host.run('store', 'export', b);
  assert.deepEqual([status, stdout], [2, '']);
  assert.match(stderr, /not for a terminal/);
});

test('import prints what it has added', async () => {
  host.input = [Buffer.from(`${a}\n`), Buffer.from(`${b}\n`)];
  assert.equal((await host.run('store', 'import')).stdout, `${a}\n${b}\n`);
});

test('dump-db: all, or what is named', async () => {
  assert.equal((await host.run('store', 'dump-db')).stdout, `${a}\n${b}\n`);
  assert.equal((await host.run('store', 'dump-db', b)).stdout, `${b}\n`);
});

test('load-db and register-validity', async () => {
  host.input = [Buffer.from(`${a}\n`)];
  assert.equal((await host.run('store', 'load-db')).stderr, 'registered 1 path\n');
  await host.run('store', 'register-validity');
  await host.run('store', 'register-validity', '--hash-given', '--reregister');
  assert.deepEqual(host.store.local.transfers, [
    { hashGiven: true, reregister: true, canonicalise: false },
    { hashGiven: false, reregister: false },
    { hashGiven: true, reregister: true },
  ]);
});

test('check-validity: the first that is not valid is an error, or all are printed', async () => {
  const missing = somePath('c');
  assert.deepEqual(await host.run('store', 'check-validity', a, b), { status: 0, stdout: '', stderr: '' });
  const failed = await host.run('store', 'check-validity', a, missing);
  assert.equal(failed.status, 1);
  assert.match(failed.stderr, new RegExp(`path '${missing}' is not valid`));
  const printed = await host.run('store', 'check-validity', '--print-invalid', missing, a);
  assert.deepEqual([printed.status, printed.stdout], [0, `${missing}\n`]);
});
