import assert from 'node:assert/strict';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { derivation, openStore } from '../../ts/index.js';
import { RealNix } from '../support/nix.js';
import { requires } from '../support/requires.js';
import { temporaryDirectory } from '../support/temporary.js';

// The same hook under airplant and under the real Nix: the classic dialect means the same to both.
const needs = requires('user-namespaces', 'program:nix-store', 'program:busybox');
const directory = temporaryDirectory('peer-hook');
const theirs = new RealNix(directory, join(directory, 'theirs'));
let number = 0;

function hook(text: string): string {
  const file = join(directory, `hook-${++number}`);
  writeFileSync(file, `#!/bin/sh\n${text}\n`);
  chmodSync(file, 0o755);
  return file;
}

function wanted() {
  return derivation({
    name: `hooked-${number}`,
    system: 'x86_64-linux',
    builder: '/bin/busybox',
    args: [
      'sh',
      '-euc',
      '/bin/busybox find /mnt /opt /etc/extra -type f 2>/dev/null | /bin/busybox sort > $out',
    ],
  });
}

async function both(program: string): Promise<{ ours: string; theirs: string }> {
  const value = wanted();
  const settings = { 'sandbox-paths': ['/bin/busybox'], 'pre-build-hook': program };
  await using store = await openStore({ store: join(directory, 'ours'), settings });
  const result = (await store.build([value]).result).results[0]!;
  const ours = result.error?.message ?? readFileSync(store.local.realPath(result.outputs['out']!), 'utf8');

  await using other = await openStore({ store: theirs.store });
  await other.instantiate(value);
  const built = theirs.try('nix-store', '--option', 'pre-build-hook', program, '--realise', value.drvPath);
  const real = join(theirs.store, value.outPath);
  return { ours, theirs: built.status === 0 ? readFileSync(real, 'utf8') : built.stderr };
}

const file = join(directory, 'file');
const shown: Readonly<Record<string, string>> = {
  'extra-sandbox-paths': `printf 'extra-sandbox-paths\\n/mnt/a=${file}\\n\\n'`,
  'extra-chroot-dirs, twice': `printf 'extra-chroot-dirs\\n/mnt/a=${file}\\n\\nextra-chroot-dirs\\n/opt/b=${file}\\n\\n'`,
  'a list that is not ended': `printf 'extra-sandbox-paths\\n/mnt/a=${file}\\n'`,
  'a last line that is not ended': `printf 'extra-sandbox-paths\\n/mnt/a=${file}\\n/mnt/b=${file}'`,
  'what it puts into the root':
    'mkdir -p "$2/opt" "$2/etc/extra"; echo x > "$2/opt/x"; echo y > "$2/etc/extra/y"',
  nothing: 'true',
};
for (const [what, text] of Object.entries(shown)) {
  test(what, needs, async () => {
    writeFileSync(file, 'text\n');
    const seen = await both(hook(text));
    assert.equal(seen.ours, seen.theirs);
    assert.equal(seen.ours === '', what === 'nothing');
  });
}

const failures: Readonly<Record<string, readonly [text: string, message: RegExp]>> = {
  'an unknown command': ['echo bogus', /unknown pre-build hook command 'bogus'/],
  'an empty line at the start': ['echo', /unknown pre-build hook command ''/],
  'an exit status': ['exit 7', /program '.*hook-\d+' failed with exit code 7/],
};
for (const [what, [text, message]] of Object.entries(failures)) {
  test(`both fail: ${what}`, needs, async () => {
    const said = await both(hook(text));
    assert.match(said.ours, message);
    // Nix marks values with colours.
    assert.match(said.theirs.replaceAll(/\u001b\[[0-9;]*m/g, ''), message);
  });
}
