import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { findBuildDirectory, isMountedNoExec } from '../../ts/build/build-directory.js';
import { requires } from '../support/requires.js';
import { temporaryDirectory } from '../support/temporary.js';

const directory = realpathSync(temporaryDirectory('build-directory'));
const at = (name: string) => join(directory, name);
const store = at('store');
for (const name of ['own', 'own/deep', 'open', 'open/below', 'sticky', 'store', 'store/below', 'group'])
  mkdirSync(at(name), { mode: 0o700 });
chmodSync(at('open'), 0o777);
chmodSync(at('sticky'), 0o1777);
chmodSync(at('group'), 0o770);
writeFileSync(at('file'), '');
symlinkSync('own', at('link'));
symlinkSync(at('link'), at('link-to-link'));
symlinkSync('../own/./deep', at('own/link'));
symlinkSync('open/below', at('link-below-open'));
symlinkSync('loop', at('loop'));

// In a user namespace without root nobody knows who could exchange what lies on the way: all is refused for that.
const needs = requires('known-root');

test('a directory of one’s own, by any name that others cannot change', needs, () => {
  assert.equal(findBuildDirectory('', store), undefined);
  for (const [setting, real] of [
    ['own', 'own'],
    ['own/', 'own'],
    ['own/deep/../.', 'own'],
    ['link', 'own'],
    ['link-to-link/deep', 'own/deep'],
    ['own/link', 'own/deep'],
    ['sticky', 'sticky'],
    // As it is everywhere where users have groups of their own and the umask is 002.
    ['group', 'group'],
  ] as const) {
    assert.equal(findBuildDirectory(at(setting), store), at(real), setting);
    assert.ok(
      !readdirSync(at(real)).some((name) => name.startsWith('airplant')),
      'nothing of the trial is left',
    );
  }
  assert.equal(findBuildDirectory('/var/tmp', store), realpathSync('/var/tmp'));
});

for (const [setting, message] of [
  ['relative', /is not an absolute path|cannot be 'relative'/],
  [at('missing'), /missing' does not exist/],
  [at('file'), /file' is not a directory/],
  [at('file/below'), /file' is not a directory/],
  [at('open'), /other users may write to '.*open'/],
  [at('open/below'), /other users may write to '.*open'/],
  [at('link-below-open'), /other users may write to '.*open'/],
  [at('loop'), /circle of symlinks/],
  [store, /lies in the store/],
  [at('store/below'), /lies in the store/],
  [`${directory}\0x`, /not an absolute path/],
  ['/proc', /nothing of use can be made there|noexec/],
] as const) {
  test(`refused: ${JSON.stringify(setting.replace(directory, ''))}`, needs, () => {
    assert.throws(() => findBuildDirectory(setting, store), { code: 'ERR_SETTING', message });
  });
}

test(
  'a directory or symlink of another user, anywhere on the way',
  requires('user-namespaces', 'program:setpriv'),
  () => {
    // In a user namespace where we are root, files of the real root belong to nobody.
    const module = JSON.stringify(new URL('../../ts/build/build-directory.js', import.meta.url).href);
    const script = `
    const { findBuildDirectory } = await import(${module});
    try { console.log(findBuildDirectory(process.argv[1], '/store')); } catch (error) { console.log(error.message); }`;
    const { stdout } = spawnSync(
      'unshare',
      ['--user', '--map-root-user', process.execPath, '--input-type=module', '-e', script, at('own')],
      { encoding: 'utf8' },
    );
    const stranger = /'\/' belongs to some user that this user namespace does not map/;
    assert.match(stdout, process.getuid?.() === 0 ? /own$/ : stranger);
  },
);

test('a file system without programs is known by its mount, the last of those at the longest path', () => {
  const mount = (point: string, options: string) => `22 1 254:0 / ${point} ${options} - ext4 /dev/vda rw\n`;
  const table =
    mount('/', 'rw') + mount('/data', 'rw,noexec') + mount('/data/fast', 'rw') + mount('/twice', 'rw,noexec');
  for (const [path, expected] of [
    ['/', false],
    ['/home', false],
    ['/data', true],
    ['/data/x', true],
    ['/database', false],
    ['/data/fast/x', false],
    ['/twice/x', true],
  ] as const) {
    assert.equal(isMountedNoExec(path, table), expected, path);
  }
  assert.equal(isMountedNoExec('/twice/x', table + mount('/twice', 'rw')), false);
});
