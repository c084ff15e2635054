import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parseHookReply } from '../../ts/build/hook/hook-reply.js';
import { describeRequest } from '../../ts/build/hook/hook-request.js';
import { runHook } from '../../ts/build/hook/run-hook.js';
import type { BuildRequest } from '../../ts/build/records.js';
import { sampleRequest } from '../sandbox/sample-request.js';

// The hooks of examples/hooks and of docs/sandbox-paths.md are run and read.
const checkout = fileURLToPath(new URL('../../..', import.meta.url));
const page = readFileSync(join(checkout, 'docs/sandbox-paths.md'), 'utf8');
const drvPath = `/nix/store/${'0'.repeat(32)}-x.drv`;
const store = { storeDir: '/nix/store', realStoreDir: '/nix/store' };

async function replyOf(name: string, request: BuildRequest) {
  const program = join(checkout, 'examples/hooks', name);
  const output = await runHook({
    hook: { program, timeoutSeconds: 60 },
    args: [drvPath, '/nowhere'],
    input: describeRequest(request, { drvPath, root: '/nowhere', store }),
    signal: new AbortController().signal,
    onError: () => {},
  });
  return parseHookReply(output, program);
}

test('examples/hooks/linux.mjs minds only builds with the feature it is for', async () => {
  assert.deepEqual((await replyOf('linux.mjs', sampleRequest)).paths, []);
  const { paths, refusal } = await replyOf('linux.mjs', { ...sampleRequest, features: ['cuda'] });
  assert.ok(refusal === 'this machine has no NVIDIA device' || paths.some(({ readOnly }) => !readOnly));
});

test('examples/hooks/macos.sh is an answer wherever it is run', async () => {
  const { paths } = await replyOf('macos.sh', sampleRequest);
  assert.ok(paths.length <= 1);
});

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
