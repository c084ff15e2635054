import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { openStore } from '../../ts/index.js';
import { processesWith } from '../support/processes.js';
import { type Refusal, Refusals } from '../support/refusals.js';
import { requires } from '../support/requires.js';

// Sandbox paths and hooks that are not what they should be, through the real program.
const needs = requires('linux', 'user-namespaces', 'program:busybox');
const refusals = new Refusals('sandbox-paths');
const { work, root } = refusals;
const working = { args: ['sh', '-c', 'echo > $out'] };
const module = refusals.moduleFile('build', working);
const newlineModule = refusals.moduleFile('newline', working, { 'extra-sandbox-paths': ['/a\nb'] });

/** What every process that a bad hook leaves has in its command line. */
const word = `bad-hook-${process.pid}`;
const hooks = {
  'garbage-hook': 'head -c 1000 /dev/urandom',
  'json-hook': 'printf "airplant-hook 1\\n{\\"paths\\": [\\"/etc\\"]"',
  'hanging-hook': 'exec sleep 1000',
  'flooding-hook': 'exec head -c 1G /dev/zero',
  'flooding-error-hook': 'exec head -c 1G /dev/zero >&2',
  'dying-hook': 'kill -SEGV $$',
  'parent-hook': 'printf "extra-sandbox-paths\\n/a=/etc/../b\\n\\n"',
  'newline-hook': `printf '%s\\n' 'airplant-hook 1' '{"paths": ["/a\\nb"]}'`,
  'newline-target-hook': `printf '%s\\n' 'airplant-hook 1' '{"paths": [{"source": "/etc", "target": "/a\\nb"}]}'`,
};

before(() => {
  mkdirSync(join(work, 'fifos/deep'), { recursive: true });
  execFileSync('mkfifo', [join(work, 'fifos/deep/fifo')]);
  symlinkSync('loop', join(work, 'loop'));
  symlinkSync(join(root, 'nix/var'), join(work, 'state'));
  writeFileSync(join(work, 'hook'), '#!/bin/sh\necho why >&2; exit 3\n');
  chmodSync(join(work, 'hook'), 0o755);
  writeFileSync(join(work, 'no-hook'), '');
  for (const [name, text] of Object.entries(hooks)) {
    // All of them have put something into the root, and started something that holds nothing of theirs.
    const left = `touch "$2/left"; setsid sh -c 'sleep 1000; : ${word}' </dev/null >/dev/null 2>&1 &`;
    writeFileSync(join(work, name), `#!/bin/sh\n${left}\n${text}\n`, { mode: 0o755 });
  }
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
  'a newline on the command line, which is between two paths': {
    argv: option('extra-sandbox-paths', '/etc\nb'),
    status: 1,
    error: /the sandbox path 'b' is not absolute/,
  },
  'a newline in the settings of a module': {
    argv: ['build', newlineModule],
    status: 2,
    error: /setting 'extra-sandbox-paths' cannot be \["\/a\\nb"\]: it is words separated by spaces/,
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
  'a hook that prints garbage': {
    argv: option('pre-build-hook', join(work, 'garbage-hook')),
    status: 1,
    error:
      /garbage-hook' printed something (unknown: unknown pre-build hook command|that is not JSON)|is not absolute/,
  },
  'a hook that prints half a reply': {
    argv: option('pre-build-hook', join(work, 'json-hook')),
    status: 1,
    error: /json-hook' printed something that is not JSON/,
  },
  'a hook that hangs': {
    argv: [
      ...option('pre-build-hook', join(work, 'hanging-hook')),
      '--option',
      'pre-build-hook-timeout',
      '1',
    ],
    status: 1,
    error: /hanging-hook' did not end within 1 seconds/,
  },
  'a hook that prints a gigabyte': {
    argv: option('pre-build-hook', join(work, 'flooding-hook')),
    status: 1,
    error: /flooding-hook' wrote more than 1048576 bytes to its standard output/,
  },
  'a hook that says a gigabyte': {
    argv: option('pre-build-hook', join(work, 'flooding-error-hook')),
    status: 1,
    error: /flooding-error-hook' wrote more than 1048576 bytes to its standard error/,
  },
  'a hook that dies by a signal': {
    argv: option('pre-build-hook', join(work, 'dying-hook')),
    status: 1,
    error: /dying-hook' failed: program '.*' failed due to signal 11 \(Segmentation fault\)/,
  },
  'a hook that names a path with ..': {
    argv: option('pre-build-hook', join(work, 'parent-hook')),
    status: 1,
    error: /holds `\.\.`/,
  },
  'a hook that names a path with a newline': {
    argv: option('pre-build-hook', join(work, 'newline-hook')),
    status: 1,
    error: /the sandbox path '\/a\\x0ab' holds a control character/,
  },
  'a hook that shows a directory at a path with a newline': {
    argv: option('pre-build-hook', join(work, 'newline-target-hook')),
    status: 1,
    error: /the sandbox path '\/a\\x0ab=\/etc' holds a control character/,
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
  test(what, needs, () => {
    refusals.expect(refusal);
    assert.deepEqual(processesWith(word), []);
  });
}

for (const item of ['/a\nb', '/etc=/a\nb', '/a\nb=/etc', '/a\nb?']) {
  test(`the library refuses the sandbox path ${JSON.stringify(item)} before it makes a store`, async () => {
    const store = join(refusals.directory, 'library');
    await assert.rejects(openStore({ store, settings: { 'sandbox-paths': [item] } }), {
      code: 'ERR_SETTING',
      message: `setting 'sandbox-paths' cannot be [${JSON.stringify(item)}]: it is words separated by spaces`,
    });
    assert.ok(!existsSync(store));
  });
}
