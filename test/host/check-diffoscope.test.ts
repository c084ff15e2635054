import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { openStore } from '../../ts/index.js';
import { CommandLine } from '../support/command-line.js';
import { requires } from '../support/requires.js';
import { scriptDerivation } from '../support/scripts.js';
import { temporaryDirectory } from '../support/temporary.js';

// What diffoscope says, from the command line to the report, with a program of that name and with the real one.
const directory = temporaryDirectory('host-check-diffoscope');
const store = join(directory, 'root');
const commandLine = new CommandLine(directory);

/** In a namespace of users, where the tests are run too, everybody is root. */
const asked = process.getuid?.() === 0 ? ['--diffoscope'] : [];

/** Builds something that is another one each time, and checks it. */
async function check(name: string, ...flags: string[]) {
  const settings = { 'sandbox-paths': ['/bin/busybox'] };
  const own = await openStore({ store, settings });
  const wanted = scriptDerivation(name, 'bb cat /proc/sys/kernel/random/uuid > $out');
  try {
    await own.build([wanted]).result;
  } finally {
    await own.close();
  }
  const options = ['--store', store, '--option', 'sandbox-paths', '/bin/busybox'];
  const { status, stdout, stderr } = await commandLine.run(['check', ...options, ...flags, `${wanted}`]);
  const real = join(store, `${wanted}`);
  return { status, stdout: stdout.toString(), stderr, real };
}

/** With only this directory, or before the others, in PATH. */
async function withPath<T>(path: string, action: () => Promise<T>): Promise<T> {
  const usual = process.env['PATH'];
  process.env['PATH'] = path;
  try {
    return await action();
  } finally {
    process.env['PATH'] = usual;
  }
}

test(
  'it is given both paths and quoted where it is installed, unless that is not wished for',
  requires('user-namespaces', 'program:busybox'),
  async () => {
    const bin = join(directory, 'bin');
    mkdirSync(bin);
    const fake =
      '#!/bin/sh\nfor path; do :; done\nprintf "last: %s\\033[2J\\n" "$path"\ncat "$path"\nexit 1\n';
    writeFileSync(join(bin, 'diffoscope'), fake, { mode: 0o755 });
    const path = `${bin}:${process.env['PATH']}`;

    const { status, stderr, real } = await withPath(path, () => check('fake', ...asked));
    assert.equal(status, 104);
    assert.match(stderr, /^diffoscope on out:\nlast: .*\.check\n[0-9a-f-]{36}$/m);
    assert.ok(stderr.includes(`last: ${real}.check\n`), stderr);

    const { stdout } = await withPath(path, () => check('fake', ...asked, '--json'));
    const [said] = JSON.parse(stdout)[0].report.diffoscope;
    assert.deepEqual([said.output, said.outcome], ['out', 'differs']);

    const without = await withPath(path, () => check('fake', '--no-diffoscope'));
    assert.equal(without.status, 104);
    assert.doesNotMatch(without.stderr, /^diffoscope/m);
  },
);

test(
  'where it is not installed, that is said to who asks for it',
  requires('user-namespaces', 'program:busybox'),
  async () => {
    const nowhere = join(directory, 'nowhere');
    mkdirSync(nowhere);
    const { status, stderr } = await withPath(nowhere, () => check('missing', '--diffoscope'));
    assert.equal(status, 104);
    assert.match(stderr, /diffoscope is not installed/);
    const unasked = await withPath(nowhere, () => check('missing'));
    assert.equal(unasked.status, 104);
    assert.doesNotMatch(unasked.stderr, /^(warning: )?diffoscope/m);
  },
);

const real = requires('user-namespaces', 'program:busybox', 'program:diffoscope');
test('the real one shows both texts', real, async () => {
  const { status, stderr } = await check('real', ...asked);
  assert.equal(status, 104);
  assert.match(stderr, /^diffoscope on out:\n[\s\S]*^│?-[0-9a-f-]{36}$\n^│?\+[0-9a-f-]{36}$/m);
});
