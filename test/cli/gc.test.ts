import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { FakeHost } from './fake-host.js';

const [one, two] = ['1', '2'].map((digit) => `/nix/store/${digit.repeat(32)}-x`) as [string, string];
let host = new FakeHost();
beforeEach(() => {
  host = new FakeHost();
  const { local } = host.store;
  local.roots = [{ link: '/home/u/re\x1b[2Jsult', path: one }];
  local.listed.live.push({ path: one, narSize: 5 });
  local.listed.dead.push({ path: two, narSize: 1024 ** 2 }, { path: `${two}.lock` });
});

test('gc: each path on stderr, the sum as JSON', async () => {
  const { status, stdout, stderr } = await host.run('gc', '--max-freed', '2K', '--progress', 'plain');
  assert.deepEqual([status, stdout], [0, '']);
  assert.equal(stderr, `deleting '${two}'\ndeleting '${two}.lock'\n`);
  assert.deepEqual(host.store.local.collected, [{ paths: [], maxFreed: 2048 }]);
  host.store.local.collectReport = { deleted: 2, bytesFreed: 9, bytesSaved: 0, kept: [] };
  assert.deepEqual(JSON.parse((await host.run('gc', '--json')).stdout), {
    paths: [two, `${two}.lock`],
    deleted: 2,
    bytesFreed: 9,
    bytesSaved: 0,
    kept: [],
  });
});

test('gc: a leftover with a line break in its name is told of in one line', async () => {
  host.store.local.listed.dead = [{ path: '/nix/store/line\nbreak' }];
  const place = '/nix/store/line\nbreak';
  const kept = [{ place, message: `EACCES: unlink '${place}'` }];
  host.store.local.collectReport = { deleted: 0, bytesFreed: 0, bytesSaved: 0, kept };
  const { stderr } = await host.run('gc', '--progress', 'plain');
  const name = '/nix/store/line\\x0abreak';
  assert.equal(
    stderr,
    `deleting '${name}'\nwarning: ${name} could not be deleted: EACCES: unlink '${name}'\n`,
  );
});

test('gc: what could not be deleted is a warning, and a failure', async () => {
  const kept = [{ place: '/real/x', message: 'unlink: EPERM' }];
  host.store.local.collectReport = { deleted: 1, bytesFreed: 0, bytesSaved: 0, kept };
  const { status, stderr } = await host.run('gc');
  assert.equal(status, 1);
  assert.match(stderr, /warning: \/real\/x could not be deleted: unlink: EPERM\n/);
});

test('gc: what is printed instead', async () => {
  assert.equal((await host.run('gc', '--print-roots')).stdout, `/home/u/re\\x1b[2Jsult -> ${one}\n`);
  assert.equal((await host.run('gc', '--print-live')).stdout, `${one}\n`);
  assert.equal((await host.run('gc', '--print-dead')).stdout, `${two}\n${two}.lock\n`);
  assert.equal((await host.run('gc', '--dry-run')).stderr, 'would delete 2 store paths, about 1.00 MiB\n');
  const dead = JSON.parse((await host.run('gc', '--dry-run', '--json')).stdout) as unknown[];
  assert.deepEqual(dead, [{ path: two, narSize: 1024 ** 2 }, { path: `${two}.lock` }]);
  assert.deepEqual(host.store.local.collected, []);
});

test('paths that are named, in either way', async () => {
  await host.run('gc', '--delete', one, '--ignore-liveness');
  await host.run('store', 'delete', `${one}/below`, two);
  assert.deepEqual(host.store.local.collected, [
    { paths: [one], ignoreLiveness: true },
    { paths: [one, two], ignoreLiveness: false },
  ]);
});

test('what does not go together is wrong usage', async () => {
  for (const argv of [
    ['--print-live', '--print-dead'],
    ['--delete'],
    [one],
    ['--ignore-liveness'],
    ['--max-freed', 'much'],
    ['--dry-run', '--max-freed', '1'],
  ]) {
    const { status, stdout } = await host.run('gc', ...argv);
    assert.deepEqual([status, stdout], [2, ''], argv.join(' '));
  }
  assert.deepEqual(host.store.local.collected, []);
});
