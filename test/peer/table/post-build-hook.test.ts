import assert from 'node:assert/strict';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { openStore } from '../../../ts/index.js';
import { peerTable } from '../../support/peer-table.js';
import { requires } from '../../support/requires.js';
import { scriptDerivation } from '../../support/scripts.js';
import { temporaryDirectory } from '../../support/temporary.js';

const directory = temporaryDirectory('peer-post-build-hook');

function hook(name: string, text: string): string {
  const file = join(directory, name);
  writeFileSync(file, `#!/bin/sh\n${text}\n`);
  chmodSync(file, 0o755);
  return file;
}

peerTable('a post-build hook', [
  {
    name: 'that succeeds',
    nix: 'script "echo x > $out" { }',
    settings: { 'post-build-hook': hook('good', 'test -n "$DRV_PATH"') },
    status: 0,
  },
  {
    name: 'that fails: the outputs stay valid',
    nix: 'script "echo x > $out" { }',
    settings: { 'post-build-hook': hook('seven', 'exit 7') },
    status: 1,
    result: 'MiscFailure',
    said: [/program '.*seven' failed with exit code 7/],
  },
  {
    name: 'that fails below what is wanted',
    nix: 'script "echo $b > $out" { b = named "below" "echo x > $out" { }; }',
    settings: { 'post-build-hook': hook('eight', 'exit 8') },
    status: 1,
    said: [/program '.*eight' failed with exit code 8/],
  },
  {
    name: 'that is killed',
    nix: 'script "echo x > $out" { }',
    settings: { 'post-build-hook': hook('killed', 'kill -9 $$') },
    status: 1,
    said: [/program '.*killed' failed due to signal 9 \(Killed\)/],
  },
  {
    name: 'that nobody runs, as the builder fails',
    nix: 'script "exit 3" { }',
    settings: { 'post-build-hook': hook('nine', 'exit 9') },
    status: 100,
    said: [/failed with exit code 3/],
  },
]);

test(
  'a Nix that the hook runs finds the store, and what was built in it',
  requires('user-namespaces', 'program:nix-store', 'program:busybox'),
  async () => {
    const seen = join(directory, 'seen');
    const program = hook('asks', `nix-store --query --hash $OUT_PATHS > ${seen}`);
    const settings = { 'sandbox-paths': ['/bin/busybox'], 'post-build-hook': program };
    const env = { ...process.env, NIX_CONF_DIR: directory };
    await using store = await openStore({ store: join(directory, 'a # store'), settings, env });
    const value = scriptDerivation('hooked', 'echo x > $out');
    const { results } = await store.build([value]).result;
    assert.equal(results[0]?.error, undefined);
    assert.match(readFileSync(seen, 'utf8'), /^sha256:[0-9a-z]{52}\n$/);
  },
);
