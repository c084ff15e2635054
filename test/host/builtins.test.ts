import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type BuildResult, derivation, openStore, source } from '../../ts/index.js';
import { findProgram, requires } from '../support/requires.js';
import { temporaryDirectory } from '../support/temporary.js';

// What builtin builders refuse, where Nix reads past the end of a list or says it otherwise. What they make is compared
// with the real Nix in test/peer/table/builtins.test.ts.
const needs = requires('user-namespaces', 'program:busybox');
const unpacking = requires('user-namespaces', 'program:busybox', 'program:tar');
const directory = temporaryDirectory('builtins');

async function build(
  attributes: Readonly<Record<string, unknown>>,
  path = process.env['PATH'],
  shown: readonly string[] = [],
): Promise<BuildResult> {
  await using store = await openStore({
    store: join(directory, 'root'),
    settings: { 'sandbox-paths': [`/bin/busybox=${findProgram('busybox')}`, ...shown] },
    env: { HOME: directory, NIX_CONF_DIR: directory, PATH: path },
  });
  const all = { name: 'x', system: 'builtin', ...attributes };
  return (await store.build([derivation(all as Parameters<typeof derivation>[0])]).result).results[0]!;
}

const environments: Readonly<Record<string, readonly [derivations: string, words: RegExp]>> = {
  'a package cut off': ['true 5', /attribute 'derivations' ends within a package/],
  'too few paths': ['true 5 3 /nix/store', /attribute 'derivations' has fewer than 3 paths of a package/],
  'a number of paths below zero': ['true 5 -1 /x', /has fewer than -1 paths/],
  'a number of paths that is too large': [
    'true 5 99999999999 /x',
    /has '99999999999' where a number should be/,
  ],
  'a priority that is no number': ['true 5a 0', /has '5a' where a number should be/],
};
for (const [what, [derivations, words]] of Object.entries(environments)) {
  test(`builtin:buildenv refuses ${what}`, needs, async () => {
    const { error } = await build({ builder: 'builtin:buildenv', derivations, manifest: '/x' });
    assert.equal(error?.code, 'ERR_BUILD_FAILED');
    assert.match(error.lastLines!.join('\n'), words);
  });
}

test('builtin:unpack-channel refuses an archive of nothing', unpacking, async () => {
  const src = archive('nothing', []);
  const { error } = await build({ builder: 'builtin:unpack-channel', src, channelName: 'x' });
  assert.match(error?.lastLines?.join('\n') ?? '', /channel tarball '\/nix\/store\/\w+-nothing' is empty/);
});

for (const channelName of ['../x', '/x', '', '.', '..', 'a/b']) {
  test(`builtin:unpack-channel makes nothing called ${JSON.stringify(channelName)}`, unpacking, async () => {
    const { error } = await build({ builder: 'builtin:unpack-channel', src: '/x', channelName });
    assert.match(error?.lastLines?.join('\n') ?? '', /channelName is '.*', which is not the name of a file/);
  });
}

test(
  'CVE-2024-51481: a builtin builder reads what its sandbox shows, and nothing else of the host',
  unpacking,
  async () => {
    const src = archiveFile('beside', [tarEntry('only', '0')]);
    const attributes = { builder: 'builtin:unpack-channel', src, channelName: 'x' };
    const { error } = await build(attributes);
    assert.match(error?.lastLines?.join('\n') ?? '', /No such file.*cannot unpack '.*beside'/is);
    const { outputs } = await build(attributes, process.env['PATH'], [src]);
    assert.deepEqual(namesIn(outputs), ['x'], 'the control: shown, it is read');
  },
);

test(
  'CVE-2026-44029, GHSA-fqx6-vh4p-42cg, GHSA-9rww-v4mm-x4jg, GHSA-jr92-2v97-wgvc: an archive that reaches out of its directory stays in the sandbox',
  unpacking,
  async () => {
    const host = join(directory, 'host');
    mkdirSync(host);
    writeFileSync(join(host, 'canary'), 'intact');
    const upwards = '../'.repeat(host.split('/').length);
    const file = archiveFile('evil', [
      tarEntry(join(host, 'absolute'), '0'),
      tarEntry(`${upwards}${host.slice(1)}/upwards`, '0'),
      tarEntry('link', '2', host),
      tarEntry('link/through', '0'),
      tarEntry('hard', '1', join(host, 'canary')),
    ]);
    const { error } = await build({ builder: 'builtin:unpack-channel', src: source(file), channelName: 'x' });
    assert.match(error?.lastLines?.join('\n') ?? '', /cannot unpack|more than one file/);
    assert.deepEqual(readdirSync(host), ['canary']);
    assert.equal(statSync(join(host, 'canary')).nlink, 1);

    const control = join(directory, 'control');
    mkdirSync(control);
    spawnSync(findProgram('tar')!, ['-x', '-P', '-f', file, '-C', control]);
    assert.deepEqual(
      readdirSync(host).sort(),
      ['absolute', 'canary', 'through', 'upwards'],
      'a tar that trusts it',
    );
    assert.equal(statSync(join(host, 'canary')).nlink, 2);
  },
);

test(
  'CVE-2025-59378: no attribute of a derivation is a command to what unpacks for it',
  unpacking,
  async () => {
    const file = archiveFile('obeyed', [tarEntry('only', '0')]);
    const options = { TAR_OPTIONS: '--to-command=echo\\ obeyed' };
    const { error, outputs } = await build({
      builder: 'builtin:unpack-channel',
      src: source(file),
      channelName: 'x',
      ...options,
    });
    assert.equal(error, undefined);
    assert.deepEqual(namesIn(outputs), ['x']);

    const control = join(directory, 'commanded');
    mkdirSync(control);
    const words = ['-x', '-f', file, '-C', control];
    const { stdout } = spawnSync(findProgram('tar')!, words, { encoding: 'utf8', env: options });
    assert.equal(stdout, 'obeyed\n', 'the control: a tar that is told of it runs the command');
  },
);

/** A tar file of these entries, to be an input. */
const archive = (name: string, entries: readonly string[]) => source(archiveFile(name, entries));

/** The same, still a file of the host. */
function archiveFile(name: string, entries: readonly string[]): string {
  const file = join(directory, name);
  writeFileSync(file, `${entries.join('')}${'\0'.repeat(1024)}`, 'latin1');
  return file;
}

/** Names in an output that is a directory. */
const namesIn = (outputs: BuildResult['outputs']) => readdirSync(join(directory, 'root', outputs['out']!));

/** A header of the kind POSIX calls ustar, for an empty file, a hard link or a symlink. */
function tarEntry(name: string, type: '0' | '1' | '2', target = ''): string {
  const field = (text: string, size: number) => text.padEnd(size, '\0');
  const header = (sum: string) =>
    [
      field(name, 100),
      ...['0000644\0', '0000000\0', '0000000\0', '00000000000\0', '00000000001\0', sum],
      type,
      field(target, 100),
      'ustar\x0000',
    ].join('');
  const sum = [...header(' '.repeat(8))].reduce((total, character) => total + character.charCodeAt(0), 0);
  return field(header(`${sum.toString(8).padStart(6, '0')}\0 `), 512);
}

test('builtin:unpack-channel without a tar is refused before it runs', needs, async () => {
  const { error } = await build(
    { builder: 'builtin:unpack-channel', src: '/x', channelName: 'x' },
    '/nowhere',
  );
  assert.equal(error?.code, 'ERR_BUILDER_MISSING');
  assert.match(error.message, /runs `tar`, which is not on the PATH/);
});

test('a tar that is a symlink to busybox does as well', unpacking, async () => {
  const bin = join(directory, 'bin');
  mkdirSync(bin);
  symlinkSync(findProgram('busybox')!, join(bin, 'tar'));
  const src = archive('archive', [tarEntry('only', '0')]);
  const { error, outputs } = await build({ builder: 'builtin:unpack-channel', src, channelName: 'x' }, bin);
  assert.equal(error, undefined);
  assert.deepEqual(namesIn(outputs), ['x']);
});
