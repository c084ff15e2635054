import assert from 'node:assert/strict';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { runPostBuildHook } from '../../../ts/build/hook/post-build-hook.js';
import { temporaryDirectory } from '../../support/temporary.js';

const directory = temporaryDirectory('post-build-hook');

function hook(script: string) {
  const program = join(directory, 'hook');
  writeFileSync(program, `#!/bin/sh\n${script}\n`);
  chmodSync(program, 0o755);
  return { program, timeoutSeconds: 0, env: process.env, nixConfig: '' };
}

const build = { drvPath: '/nix/store/x.drv', outputs: {} };

test('an interrupt ends a hook that waits for whoever takes what it writes', {
  timeout: 30_000,
}, async (t) => {
  const abort = new AbortController();
  const run = runPostBuildHook(hook('exec head -c 500000 /dev/zero'), build, {
    signal: abort.signal,
    emit(event) {
      if (event.type !== 'post-build.log') return undefined;
      setTimeout(() => abort.abort(), 0);
      return new Promise<void>((resolve) => t.after(() => resolve()));
    },
  });
  await assert.rejects(run, { code: 'ERR_ABORTED' });
});
