import assert from 'node:assert/strict';
import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
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

/** Makes a program of that name; returns a PATH that has it. */
function install(name: string, text: string): string {
  const bin = join(directory, name);
  mkdirSync(bin);
  writeFileSync(join(bin, 'diffoscope'), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  return `${bin}:${process.env['PATH']}`;
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
    const path = install(
      'quoted',
      'for path; do :; done\nprintf "last: %s\\033[2J\\n" "$path"\ncat "$path"\nexit 1',
    );
    const { status, stderr, real } = await withPath(path, () => check('fake'));
    assert.equal(status, 104);
    assert.match(stderr, /^diffoscope on out:\nlast: .*\.check\n[0-9a-f-]{36}$/m);
    assert.ok(stderr.includes(`last: ${real}.check\n`), stderr);

    const { stdout } = await withPath(path, () => check('fake', '--json'));
    const [said] = JSON.parse(stdout)[0].report.diffoscope;
    assert.deepEqual([said.output, said.outcome], ['out', 'differs']);

    const without = await withPath(path, () => check('fake', '--no-diffoscope'));
    assert.equal(without.status, 104);
    assert.doesNotMatch(without.stderr, /^diffoscope/m);
  },
);

// The parsers that it calls are many, and outputs may be made to break them: what they can then do is nothing.
test(
  'it sees the two outputs and no other file of the caller, changes nothing, and has no network',
  requires('user-namespaces', 'program:busybox'),
  async () => {
    const secret = join(directory, 'secret');
    writeFileSync(secret, 'of the caller\n');
    const path = install(
      'taken-over',
      `shift $(($# - 2))
echo "secret: $(cat ${secret} 2>/dev/null || echo unseen)"
(echo planted > ${join(directory, 'planted')}) 2>/dev/null && echo planted
echo "store: $(ls ${join(store, 'nix/store')} | wc -l)"
(chmod 755 "$2" || echo changed > "$2") 2>/dev/null && echo changed
echo "interfaces: $(cut -d: -f1 /proc/net/dev | tail -n +3 | tr -d ' \\n')"
echo "home: $HOME $(pwd)"
touch /tmp/mine && echo 'work: writable'
exit 1`,
    );
    // One more path in the store, which is not looked at.
    await check('other', '--no-diffoscope');
    const { stderr, real } = await withPath(path, () => check('taken-over'));
    const said = stderr.slice(stderr.indexOf('diffoscope on out:\n'));
    const expected = [
      'diffoscope on out:',
      'secret: unseen',
      'store: 2',
      'interfaces: lo',
      'home: /tmp /tmp',
      'work: writable',
    ];
    assert.deepEqual(said.split('\n').slice(0, expected.length), expected);
    assert.equal(existsSync(join(directory, 'planted')), false);
    assert.equal(statSync(`${real}.check`).mode & 0o777, 0o444);
  },
);

test(
  'as root: it is sealed as well, and needs not be asked for',
  requires('root', 'program:busybox'),
  async () => {
    const path = install('as-root', 'for path; do :; done; cat "$path"; exit 1');
    const { status, stderr } = await withPath(path, () => check('as-root'));
    assert.equal(status, 104);
    assert.match(stderr, /^diffoscope on out:\n[0-9a-f-]{36}$/m);
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
  const { status, stderr } = await check('real');
  assert.equal(status, 104);
  assert.match(stderr, /^diffoscope on out:\n[\s\S]*^│?-[0-9a-f-]{36}$\n^│?\+[0-9a-f-]{36}$/m);
});
