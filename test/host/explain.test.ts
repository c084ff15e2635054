import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { CulpritKind } from '../../ts/build/explain/culprit.js';
import { openStore, toFile } from '../../ts/index.js';
import { compileFixture } from '../support/compile.js';
import { requires } from '../support/requires.js';
import { leftoversIn, scriptDerivation } from '../support/scripts.js';
import { temporaryDirectory } from '../support/temporary.js';

// Builds that fail for want of something, each for real, and what is found to be the reason.
const needs = requires('user-namespaces', 'program:busybox', 'program:cc');
const directory = temporaryDirectory('explain');

async function explain(
  script: string,
  {
    show = [],
    more = {},
    settings = {},
  }: { show?: readonly string[]; more?: Readonly<Record<string, unknown>>; settings?: object } = {},
) {
  await using store = await openStore({
    store: join(directory, 'store'),
    settings: { 'sandbox-paths': ['/bin/busybox', '/bin/sh=/bin/busybox', ...show], ...settings } as never,
  });
  const wanted = scriptDerivation('broken', script, more);
  const drvPath = await store.instantiate(wanted);
  const run = store.explain(drvPath);
  const explanation = await run.result;
  assert.deepEqual(leftoversIn(store), []);
  return explanation;
}

/** A dynamically linked program of this machine in a directory of its own: its libraries do not come along. */
function dynamicPrograms(): string {
  const programs = join(directory, 'programs');
  if (existsSync(programs)) return programs;
  mkdirSync(programs);
  const source = fileURLToPath(new URL('../../../test/fixtures/native/opens-library.c', import.meta.url));
  execFileSync('cc', ['-o', join(directory, 'opens-library'), source, '-ldl']);
  copyFileSync(join(directory, 'opens-library'), join(programs, 'opens-library'));
  return programs;
}

const loader = '/lib64/ld-linux-x86-64.so.2';

interface Row {
  readonly script: string | (() => string);
  readonly show?: () => readonly string[];
  readonly more?: Readonly<Record<string, unknown>>;
  readonly kind: CulpritKind;
  readonly path: string | RegExp;
  readonly setting?: string | RegExp;
  readonly says?: RegExp;
}

const script = (first: string) => `bb printf '${first}\\necho never\\n' > s; bb chmod +x s; ./s`;
const storePath = () => /^(\/nix\/store\/)(.*)$/.exec(String(toFile('undeclared', 'text')))!;

const rows: Readonly<Record<string, Row>> = {
  'the interpreter of a script': {
    script: script('#!/opt/perl5/bin/perl -w'),
    kind: 'interpreter',
    path: '/opt/perl5/bin/perl',
    says: /the script '\/build\/s' wants the interpreter .* nor does this machine/,
  },
  '/usr/bin/env': {
    script: script('#!/usr/bin/env bash'),
    kind: 'interpreter',
    path: '/usr/bin/env',
    setting: '/usr/bin/env',
    says: /patchShebangs/,
  },
  'an interpreter that this machine has': {
    script: `${script('#!/bin/bash')} || { echo failed; exit 1; }`,
    kind: 'interpreter',
    path: '/bin/bash',
    setting: '/bin/bash',
  },
  'the dynamic loader': {
    script: '/programs/opens-library x',
    show: () => [`/programs=${dynamicPrograms()}`],
    kind: 'loader',
    path: loader,
    setting: loader,
  },
  'a shared library': {
    script: '/programs/opens-library x',
    show: () => [`/programs=${dynamicPrograms()}`, loader],
    kind: 'library',
    path: 'libc.so.6',
    setting: /^\/.*\/libc\.so\.6$/,
  },
  'a library that is loaded by name': {
    script: '/opens-library libabsent.so.3',
    show: () => [`/opens-library=${dynamicPrograms()}/opens-library`],
    kind: 'library',
    path: 'libabsent.so.3',
    says: /nor does this machine/,
  },
  'a program in PATH': {
    script: 'perl -e 1 || exit 1',
    more: { PATH: '/usr/local/bin:/usr/bin:/bin' },
    kind: 'program',
    path: 'perl',
    setting: /^\/usr(\/local)?\/bin\/perl$/,
  },
  'a program, with no PATH at all': {
    script: 'set -e; perl -e 1; echo > $out',
    kind: 'program',
    path: '/path-not-set/perl',
    setting: /^\/usr(\/local)?\/bin\/perl$/,
    says: /sets no PATH/,
  },
  'a program by its path': {
    script: '/usr/bin/perl -e 1',
    kind: 'program',
    path: '/usr/bin/perl',
    setting: '/usr/bin/perl',
  },
  'a header': {
    script: `bb printf '#include <errno.h>\\nint main(void) { return 0; }\\n' > a.c; gcc -c a.c`,
    show: () => ['/usr/bin/gcc', '/usr/bin/as', '/usr/lib', '/usr/lib64?', '/usr/libexec?'],
    more: { PATH: '/usr/bin' },
    kind: 'header',
    path: 'errno.h',
    setting: '/usr/include',
  },
  'a store path that is no input': {
    script: () => `bb cat ${storePath()[1]}""${storePath()[2]}`,
    kind: 'undeclared-input',
    path: /^\/nix\/store\/.*-undeclared$/,
    says: /not among the inputs/,
  },
  '/etc/services': {
    script: 'bb grep ftp /etc/services > $out',
    kind: 'file',
    path: '/etc/services',
  },
  '/dev/kvm': {
    script: 'exec 3<>/dev/kvm; echo > $out',
    kind: 'device',
    path: '/dev/kvm',
    says: /requiredSystemFeatures = kvm/,
  },
  'a device': {
    script: 'bb head -c 1 /dev/fuse > $out || exit 1',
    kind: 'device',
    path: '/dev/fuse',
  },
  '/proc': {
    script: 'bb cat /proc/absent > $out || exit 1',
    kind: 'kernel-file',
    path: '/proc/absent',
    says: /no setting changes that/,
  },
  '/sys': {
    script: 'bb cat /sys/class/net/lo/mtu > $out || exit 1',
    kind: 'kernel-file',
    path: '/sys/class/net/lo/mtu',
    setting: '/sys/class/net/lo/mtu',
  },
  'a home directory': {
    script: 'bb mkdir $HOME/.cache || exit 1; echo > $out',
    kind: 'home',
    path: '/homeless-shelter/.cache',
    says: /set HOME/,
  },
  'a fixed place to write to': {
    script: 'echo state > /var/state || exit 1; echo > $out',
    kind: 'write',
    path: '/var/state',
  },
  'a host name': {
    script: 'bb wget http://example.org/ -O $out',
    kind: 'network',
    path: 'name service',
    says: /outputHash/,
  },
  'a source file that is not there': {
    script: 'bb cat chapter.txt > $out || exit 1',
    kind: 'build-file',
    path: '/build/chapter.txt',
    says: /The sandbox has no part in this/,
  },
};

for (const [name, row] of Object.entries(rows)) {
  test(name, needs, async () => {
    const text = typeof row.script === 'string' ? row.script : row.script();
    const { error, culprits } = await explain(text, { show: row.show?.() ?? [], more: row.more ?? {} });
    assert.ok(error, 'it fails');
    const [first] = culprits;
    const found = JSON.stringify(culprits.slice(0, 4), undefined, 1);
    assert.ok(first?.likely, found);
    assert.equal(first.kind, row.kind, found);
    if (typeof row.path === 'string') assert.equal(first.path, row.path, found);
    else assert.match(first.path, row.path);
    if (typeof row.setting === 'string') assert.equal(first.setting?.value, row.setting, found);
    else if (row.setting) assert.match(first.setting?.value ?? '', row.setting);
    if (row.says) assert.match(`${first.what} ${first.cure}`, row.says);
  });
}

test('failures that come from nothing missing are told as such', needs, async () => {
  for (const text of [
    'exit 1',
    'bb echo working; bb test 1 = 2',
    'bb kill -9 $$',
    'bb mkdir a; cd a; bb touch b; bb rm b; bb ls b 2> /dev/null; echo the tests failed; exit 3',
    'echo made; exit 0',
  ]) {
    const { error, culprits } = await explain(text);
    assert.ok(error);
    assert.deepEqual(
      culprits.filter(({ likely }) => likely),
      [],
      text,
    );
  }
});

test('what the setting grants is no culprit any more', needs, async () => {
  const text = 'bb grep root /etc/services || exit 1; exit 2';
  const services = join(directory, 'services');
  writeFileSync(services, 'root 1/tcp\n');
  const { culprits } = await explain(text, { show: [`/etc/services=${services}`] });
  assert.deepEqual(
    culprits.filter(({ path }) => path.includes('services')),
    [],
  );
});

test('a build that does not fail is not registered, and inputs are made first', needs, async () => {
  const input = scriptDerivation('an-input', 'echo text > $out');
  const { error, culprits } = await explain('bb cp $input $out', { more: { input } });
  assert.equal(error, undefined);
  assert.deepEqual(culprits, []);
  await using store = await openStore({ store: join(directory, 'store') });
  assert.equal(store.local.isValid(String(input.outPath)), true);
});

test('inputs that cannot be made, and a missing builder', needs, async () => {
  const input = scriptDerivation('bad-input', 'exit 1');
  await assert.rejects(explain('echo > $out', { more: { input } }), { code: 'ERR_DEPENDENCY_FAILED' });
  const { error, culprits } = await explain('', { more: { builder: '/usr/bin/perl' } });
  assert.equal(error?.code, 'ERR_BUILDER_MISSING');
  assert.deepEqual([culprits[0]?.path, culprits[0]?.setting?.value], ['/usr/bin/perl', '/usr/bin/perl']);
});

test('what runs in no sandbox cannot be explained', needs, async () => {
  const place = { storeDir: join(directory, 'in-place', 'store') };
  process.env['NIX_STORE_DIR'] = place.storeDir;
  try {
    await using store = await openStore({ settings: { sandbox: false, 'sandbox-paths': ['/bin/busybox'] } });
    const { createEvaluator } = await import('../../ts/derivation/author/evaluator.js');
    const wanted = createEvaluator(place).derivation({
      name: 'unsealed',
      system: 'x86_64-linux',
      builder: '/bin/sh',
      args: ['-c', 'exit 1'],
    } as never);
    const drvPath = await store.instantiate(wanted);
    await assert.rejects(store.explain(drvPath).result, {
      code: 'ERR_UNSUPPORTED',
      message: /outside the sandbox/,
    });
  } finally {
    delete process.env['NIX_STORE_DIR'];
  }
});

test(
  'builders that are root of many ids are observed in all of them',
  requires('user-namespaces', 'program:busybox', 'program:cc', 'subordinate-ids'),
  async () => {
    const { culprits } = await explain('/tries another', {
      show: [`/tries=${compileFixture('hostile-tries')}`],
      more: { requiredSystemFeatures: ['uid-range'] },
    });
    assert.equal(culprits[0]?.path, '/as/another');
  },
);
