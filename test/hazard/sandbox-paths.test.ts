import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { type Refusal, Refusals } from '../support/refusals.js';
import { requires } from '../support/requires.js';

// Sandbox paths and hooks that are not what they should be, through the real program.
const needs = requires('linux', 'user-namespaces', 'program:busybox');
const refusals = new Refusals('sandbox-paths');
const { work, root } = refusals;
const module = refusals.moduleFile('build', { args: ['sh', '-c', 'echo > $out'] });

before(() => {
  mkdirSync(join(work, 'fifos/deep'), { recursive: true });
  execFileSync('mkfifo', [join(work, 'fifos/deep/fifo')]);
  symlinkSync('loop', join(work, 'loop'));
  symlinkSync(join(root, 'nix/var'), join(work, 'state'));
  writeFileSync(join(work, 'hook'), '#!/bin/sh\necho why >&2; exit 3\n');
  chmodSync(join(work, 'hook'), 0o755);
  writeFileSync(join(work, 'no-hook'), '');
});

function option(name: string, value: string): readonly string[] {
  return ['build', module, '--option', name, value];
}

const wrong: Readonly<Record<string, Refusal>> = {
  'a path that does not exist': {
    argv: option('extra-sandbox-paths', '/no/such/path'),
    status: 1,
    error: /the sandbox path '\/no\/such\/path' does not exist \(sandbox-paths has '\/no\/such\/path'\)/,
    hint: /A `\?` at the end/,
  },
  'under its old name': {
    argv: option('build-extra-chroot-dirs', '/no/such/path'),
    status: 1,
    error: /does not exist/,
  },
  'a circle': {
    argv: option('extra-sandbox-paths', `/x=${join(work, 'loop')}`),
    status: 1,
    error: /leads in a circle of symlinks/,
  },
  "the store's state": {
    argv: option('extra-sandbox-paths', `/x=${join(root, 'nix/var/nix/db')}`),
    status: 1,
    error: /lies in the store's own state/,
  },
  "the store's state by a link": {
    argv: option('extra-sandbox-paths', `/x=${join(work, 'state')}`),
    status: 1,
    error: /the store's own state/,
  },
  'what holds it, as writable': {
    argv: option('writable-sandbox-paths', `/x=${root}`),
    status: 1,
    error: /holds the store's own state/,
  },
  'a path with ..': { argv: option('extra-sandbox-paths', '/usr/../etc'), status: 1, error: /holds `\.\.`/ },
  'two equals signs': {
    argv: option('extra-sandbox-paths', '/a=/b=c'),
    status: 1,
    error: /more than one `=`/,
  },
  'no absolute path': {
    argv: option('extra-sandbox-paths', 'usr'),
    status: 1,
    error: /is not absolute: 'usr'/,
  },
  'a control character': {
    argv: option('extra-sandbox-paths', '/a\u001b[31m'),
    status: 1,
    error: /'\/a\\x1b\[31m' holds a control character/,
  },
  'a newline': {
    argv: option('extra-sandbox-paths', '/a\nb'),
    status: 1,
    error: /'b' is not absolute|does not exist/,
  },
  'a FIFO deep down': {
    argv: option('extra-sandbox-paths', `/x=${join(work, 'fifos')}`),
    status: 1,
    error: /holds a FIFO, '.*fifos\/deep\/fifo'/,
    hint: /writable-sandbox-paths/,
  },
  'a hook that fails': {
    argv: option('pre-build-hook', join(work, 'hook')),
    status: 1,
    error: /the pre-build hook '.*hook' failed: program '.*hook' failed with exit code 3: 'why'/,
    hint: /pre-build-hook/,
  },
  'a hook that is missing': {
    argv: option('pre-build-hook', join(work, 'missing')),
    status: 1,
    error: /the pre-build hook '.*missing' does not exist/,
  },
  'a hook that cannot be executed': {
    argv: option('pre-build-hook', join(work, 'no-hook')),
    status: 1,
    error: /the pre-build hook '.*no-hook' cannot be executed: EACCES/,
  },
};
for (const [what, refusal] of Object.entries(wrong)) {
  test(what, needs, () => refusals.expect(refusal));
}
