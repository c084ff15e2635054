import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { classicNames, commandWords } from '../../../ts/cli/classic/command-words.js';
import { temporaryDirectory } from '../../support/temporary.js';

const main = fileURLToPath(new URL('../../../ts/main.js', import.meta.url));
const directory = temporaryDirectory('called-as');

test('the name counts, wherever it lies, and only as a whole', () => {
  assert.deepEqual(commandWords(['node', '/x/y/nix-store', '-q']), ['nix-store', '-q']);
  assert.deepEqual(commandWords(['node', '/x/nix-store/main.js', '-q']), ['-q']);
  assert.deepEqual(commandWords(['node', '/x/nix-storehouse', 'nix-hash']), ['nix-hash']);
  assert.deepEqual(commandWords(['node']), []);
});

// Each makes programs of these names in a directory of its own, which is then in PATH.
const ways: Readonly<Record<string, (programs: string, name: string) => void>> = {
  'a symlink': (programs, name) => symlinkSync(main, join(programs, name)),
  'a symlink to a symlink': (programs, name) => {
    const inner = join(programs, `airplant-for-${name}`);
    symlinkSync(main, inner);
    symlinkSync(`airplant-for-${name}`, join(programs, name));
  },
  'a wrapper': (programs, name) => {
    const text = `#!/bin/sh\nexec '${process.execPath}' '${main}' ${name} "$@"\n`;
    writeFileSync(join(programs, name), text, { mode: 0o755 });
  },
  'a wrapper around a symlink': (programs, name) => {
    mkdirSync(join(programs, 'links'), { recursive: true });
    const link = join(programs, 'links', name);
    symlinkSync(main, link);
    writeFileSync(join(programs, name), `#!/bin/sh\nexec '${link}' "$@"\n`, { mode: 0o755 });
  },
};

for (const [index, [way, make]] of Object.entries(ways).entries()) {
  test(`called by name through ${way}`, () => {
    const programs = join(directory, `${index}`);
    mkdirSync(programs);
    for (const name of classicNames) {
      make(programs, name);
      const path = `${programs}:${dirname(process.execPath)}:${process.env['PATH']}`;
      const env = { PATH: path, HOME: directory, NIX_CONF_DIR: directory };
      // By its name, found in PATH, as a script would.
      const run = (...words: string[]) =>
        spawnSync('sh', ['-c', `${name} ${words.join(' ')}`], { encoding: 'utf8', env });
      const version = run('--version');
      assert.deepEqual([version.stdout, version.stderr], [`${name} (Nix) 2.8.0\n`, '']);
      const wrong = run('--foo');
      assert.equal(wrong.status, 1);
      assert.match(wrong.stderr, new RegExp(`^error: .*\nTry '${name} --help' for more information.\n$`));
    }
  });
}
