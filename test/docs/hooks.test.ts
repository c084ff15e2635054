import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parseHookReply } from '../../ts/build/hook/hook-reply.js';
import { describeRequest } from '../../ts/build/hook/hook-request.js';
import { sampleRequest } from '../sandbox/sample-request.js';

// What docs/sandbox-paths.md says hooks read and write. Those of examples/hooks are in test/host/example-hooks.test.ts.
const checkout = fileURLToPath(new URL('../../..', import.meta.url));
const page = readFileSync(join(checkout, 'docs/sandbox-paths.md'), 'utf8');
const drvPath = `/nix/store/${'0'.repeat(32)}-x.drv`;
const store = { storeDir: '/nix/store', realStoreDir: '/nix/store' };

test('the request in the documentation has the fields of a real one', () => {
  const written = JSON.parse(/```json\n([\s\S]*?)```/.exec(page)![1]!) as Record<string, unknown>;
  const real = JSON.parse(describeRequest(sampleRequest, { drvPath, root: '/', store })) as Record<
    string,
    unknown
  >;
  assert.deepEqual(Object.keys(written), Object.keys(real));
  assert.deepEqual(Object.keys(written['limits'] as object), Object.keys(real['limits'] as object));
});

test('the reply in the documentation is one', () => {
  const reply = parseHookReply(Buffer.from(/```text\n([\s\S]*?)```/.exec(page)![1]!), '/hook');
  assert.deepEqual(
    reply.paths.map(({ target, readOnly, optional, expand }) => [target, readOnly, optional, expand]),
    [
      ['/etc/ssl/certs', true, false, true],
      ['/dev/fuse', false, false, true],
      ['/etc/compiler.lic', true, true, true],
      ['/nix/store/2yvsa4vkk2vcsvzr3khh4vv64zcn1h6r-who', true, false, false],
    ],
  );
  assert.equal(reply.limits.timeoutSeconds, 3600);
});
