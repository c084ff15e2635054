import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeHost } from './fake-host.js';

test('optimise: nothing on standard output but JSON, and statistics that change nothing', async () => {
  const host = new FakeHost();
  assert.deepEqual(await host.run('optimise'), { status: 0, stdout: '', stderr: '' });
  const { stdout } = await host.run('optimise', '--recheck', '--json');
  assert.deepEqual(JSON.parse(stdout), { paths: 2, filesLinked: 1, bytesFreed: 10, failures: [] });
  assert.deepEqual(host.store.optimised, [false, true]);
  assert.equal(
    (await host.run('optimise', '--stats')).stdout,
    '7 files share 3 contents, which saves 0.00 MiB\n',
  );
  assert.deepEqual(JSON.parse((await host.run('optimise', '--stats', '--json')).stdout), {
    links: 3,
    files: 7,
    bytesSaved: 4096,
  });
  assert.equal(host.store.optimised.length, 2);
});
