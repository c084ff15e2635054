import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { runInNewContext } from 'node:vm';
import { fixture } from '../support/nix.js';
import { requires } from '../support/requires.js';

// What the compiler says of the sources for macOS, given declarations of what they use of the system (written for
// this test after Apple's manual pages; see test/fixtures/apple-sdk). Whether it works, only macOS can say.

const repository = fileURLToPath(new URL('../../..', import.meta.url));

interface Part {
  readonly sources?: readonly string[];
  readonly defines?: readonly string[];
  readonly conditions?: readonly (readonly [condition: string, then: Part])[];
}

/** A .gyp file is JavaScript but for its comments. */
const gyp: Part & { target_defaults: Part; targets: readonly Part[] } = runInNewContext(
  `(${readFileSync(join(repository, 'binding.gyp'), 'utf8').replace(/^\s*#.*$/gm, '')})`,
);

/** What node-gyp compiles on macOS. */
const sources = [...new Set(gyp.targets.flatMap(sourcesOnMac))].map((source) =>
  source.replace('<(platform)', 'darwin'),
);

function sourcesOnMac({ sources = [], conditions = [] }: Part): string[] {
  const picked = conditions.filter(([condition]) => condition === "OS=='mac'");
  return [...sources, ...picked.flatMap(([, part]) => sourcesOnMac(part))];
}

function check(target: string, files: readonly string[], more: readonly string[] = []) {
  const defines = [gyp.target_defaults, ...gyp.targets].flatMap((part) => part.defines ?? []);
  return spawnSync(
    'clang++',
    [
      `--target=${target}-apple-macos11`,
      ...['-isysroot', fixture('apple-sdk'), '-stdlib=libc++', '-std=c++20', '-fsyntax-only'],
      ...['-Wall', '-Wextra', '-Wno-unused-parameter', '-Werror'],
      ...['-I', 'native', '-isystem', 'node_modules/node-addon-api'],
      ...['-isystem', fixture('apple-sdk/node'), '-isystem', nodeHeaders()],
      ...defines.map((define) => `-D${define}`),
      ...more,
      ...files,
    ],
    { cwd: repository, encoding: 'utf8' },
  );
}

/** Where node_api.h is: beside node, or where node-gyp was told or has downloaded it to. */
function nodeHeaders(): string {
  const config = readFileSync(join(repository, 'build/config.gypi'), 'utf8');
  const told = /"nodedir": "([^"]+)"/.exec(config)?.[1];
  const places = [told, dirname(dirname(process.execPath))].flatMap((place) =>
    place === undefined ? [] : [join(place, 'include/node')],
  );
  const found = places.find((place) => existsSync(join(place, 'node_api.h')));
  assert.ok(found, `no node_api.h in ${places.join(', ')}`);
  return found;
}

const needs = requires('linux', 'program:clang++', 'libc++');

test('the list of sources is that of macOS', () => {
  for (const file of [
    'launch/darwin/isolated.cc',
    'fs/darwin/attributes.cc',
    'launcher/main.cc',
    'addon.cc',
  ]) {
    assert.ok(sources.includes(`native/${file}`), file);
  }
  assert.deepEqual(
    sources.filter((source) => source.includes('linux')),
    [],
  );
});

for (const target of ['arm64', 'x86_64']) {
  test(`every source compiles for macOS on ${target}`, needs, () => {
    const { status, stderr } = check(target, sources);
    assert.equal(status, 0, stderr);
  });
}

test('what only Linux has would be seen', needs, () => {
  const { status, stderr } = check('arm64', ['native/launch/linux/platform.cc']);
  assert.equal(status, 1);
  assert.match(stderr, /file not found|undeclared/);
});
