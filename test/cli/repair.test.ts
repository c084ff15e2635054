import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { builtResult, FakeHost } from './fake-host.js';

const drv = '/nix/store/9sd9qpl47gvr21g7n6kxlx4dch82y0qd-a.drv';
const out = '/nix/store/w2gbh6q1ywqx2fxffd2djqav63zyqfb0-a';

let directory = '';
let host = new FakeHost();
before(() => {
  directory = mkdtempSync(join(tmpdir(), 'airplant-repair-'));
});
after(() => rmSync(directory, { recursive: true, force: true }));
beforeEach(() => {
  host = new FakeHost();
  host.cwd = directory;
});

test('what was replaced is printed, one a line, and no links are made', async () => {
  host.store.report = { results: [builtResult(drv, { out })], repaired: [out], exitStatus: 0 };
  const { status, stdout } = await host.run('repair', `${drv}!out`, out);
  assert.deepEqual([status, stdout], [0, `${out}\n`]);
  assert.deepEqual(host.store.built, [
    { kind: 'outputs', drvPath: drv, outputs: ['out'] },
    { kind: 'path', path: out },
  ]);
  assert.ok(host.store.repairs);
  assert.deepEqual(host.store.local.links, []);
});

test('a store that is whole prints nothing; as JSON it says so', async () => {
  assert.deepEqual(await host.run('repair', out), { status: 0, stdout: '', stderr: '' });
  const { stdout } = await host.run('repair', '--json', out);
  assert.deepEqual(JSON.parse(stdout), { repaired: [], results: [] });
});

test('the exit status is that of the repair, and nothing to repair is wrong usage', async () => {
  host.store.report = { results: [], repaired: [], exitStatus: 100 };
  assert.equal((await host.run('repair', drv)).status, 100);
  assert.equal((await host.run('repair')).status, 2);
});

test('--dry-run says what would be copied and built', async () => {
  host.store.planned = { build: [], substitute: [out], valid: [], unknown: [drv] };
  const { status, stderr } = await host.run('repair', '--dry-run', out);
  assert.equal(status, 0);
  assert.equal(
    stderr,
    `this path will be fetched:\n  ${out}\ndon't know how to build these paths:\n  ${drv}\n`,
  );
  assert.ok(host.store.repairs);
});

test('build repairs only when it is asked to', async () => {
  await host.run('build', drv);
  assert.ok(!host.store.repairs);
  await host.run('build', '--repair', drv);
  assert.ok(host.store.repairs);
  await host.run('build', '--repair', '--dry-run', drv);
  assert.ok(host.store.repairs);
});
