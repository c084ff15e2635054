import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { realpathSync } from 'node:fs';
import { test } from 'node:test';
import { findDefaultShell, withDefaultShell } from '../../ts/sandbox/default-shell.js';
import type { ElfFile } from '../../ts/sandbox/elf.js';
import { hostLoaderFiles, type LoaderFiles, programFiles } from '../../ts/sandbox/program-files.js';
import { requires } from '../support/requires.js';

/** A host out of a table: ELF files by real path, symlinks by path. */
function host(
  files: Record<string, Partial<ElfFile>>,
  links: Record<string, string> = {},
  configured: string[] = [],
): LoaderFiles {
  return {
    readElf: (path) =>
      files[path] && { bits: 64, machine: 62, needed: [], rpath: [], runpath: [], ...files[path] },
    realPath: (path) => {
      const real = links[path] ?? path;
      return real in files ? real : undefined;
    },
    configuredDirectories: () => configured,
  };
}

const loader = '/lib64/ld-linux-x86-64.so.2';
const shell = { source: '/usr/bin/dash', target: '/bin/sh' };
const pairs = (files: LoaderFiles, program = shell) =>
  programFiles(files, program)?.map(({ target, source }) => `${target} = ${source}`);

test('libraries are bound where the loader will look, from where they really are', () => {
  const files = host(
    {
      '/usr/bin/dash': { interpreter: loader, needed: ['libc.so.6'] },
      '/usr/lib/ld.so': {},
      '/usr/lib/libc-2.36.so': { needed: ['ld-linux-x86-64.so.2'] },
    },
    {
      [loader]: '/usr/lib/ld.so',
      '/lib64/libc.so.6': '/usr/lib/libc-2.36.so',
    },
  );
  assert.deepEqual(pairs(files), [`${loader} = /usr/lib/ld.so`, '/lib64/libc.so.6 = /usr/lib/libc-2.36.so']);
});

test('a library of another machine or word size is passed over', () => {
  const files = host({
    '/usr/bin/dash': { interpreter: loader, needed: ['libx.so'] },
    [loader]: {},
    '/lib64/libx.so': { machine: 183 },
    '/lib/libx.so': { bits: 32, machine: 3 },
    '/usr/lib/libx.so': {},
  });
  assert.deepEqual(pairs(files)?.[1], '/usr/lib/libx.so = /usr/lib/libx.so');
});

test('$ORIGIN is the real directory on the host and the shown one inside', () => {
  const files = host({
    '/opt/x/bin/prog': { interpreter: loader, needed: ['liba.so'], runpath: ['$ORIGIN/../lib'] },
    [loader]: {},
    '/opt/x/lib/liba.so': {},
  });
  assert.deepEqual(
    pairs(files, { source: '/opt/x/bin/prog', target: '/bin/prog' })?.[1],
    '/lib/liba.so = /opt/x/lib/liba.so',
  );
});

test('DT_RPATH holds for the libraries of libraries, DT_RUNPATH does not', () => {
  const files = (tag: 'rpath' | 'runpath') =>
    host({
      '/usr/bin/dash': { interpreter: loader, needed: ['liba.so'], [tag]: ['/opt'] },
      [loader]: {},
      '/opt/liba.so': { needed: ['libb.so'] },
      '/opt/libb.so': {},
    });
  assert.equal(pairs(files('rpath'))?.length, 3);
  assert.equal(pairs(files('runpath')), undefined);
});

test('what only the cache of the loader finds brings the cache along', () => {
  const files = host(
    { '/usr/bin/dash': { interpreter: loader, needed: ['liba.so'] }, [loader]: {}, '/opt/lib/liba.so': {} },
    {},
    ['/opt/lib'],
  );
  assert.deepEqual(pairs(files)?.slice(1), [
    '/opt/lib/liba.so = /opt/lib/liba.so',
    '/etc/ld.so.cache = /etc/ld.so.cache',
  ]);
});

test('libraries that need each other come to an end', () => {
  const files = host({
    '/usr/bin/dash': { interpreter: loader, needed: ['liba.so'] },
    [loader]: {},
    '/lib/liba.so': { needed: ['libb.so'] },
    '/lib/libb.so': { needed: ['liba.so', 'libb.so'] },
  });
  assert.equal(pairs(files)?.length, 3);
});

test('a program that could not start is not offered', () => {
  assert.equal(pairs(host({})), undefined);
  assert.equal(pairs(host({ '/usr/bin/dash': { interpreter: loader } })), undefined);
  const missing = { '/usr/bin/dash': { interpreter: loader, needed: ['libx.so'] }, [loader]: {} };
  assert.equal(pairs(host(missing)), undefined);
});

test("the host's own shell: the same libraries as ldd finds", requires('linux', 'program:ldd'), () => {
  const sh = realpathSync('/bin/sh');
  const found = programFiles(hostLoaderFiles, { source: sh, target: '/bin/sh' });
  assert.ok(found);
  const ldd = execFileSync('ldd', [sh], { encoding: 'utf8' });
  const expected = [...ldd.matchAll(/(\/\S+) \(0x/g)].map((match) => realpathSync(match[1]!));
  const sources = found.map(({ source }) => source).filter((source) => source !== '/etc/ld.so.cache');
  assert.deepEqual([...new Set(sources)].sort(), [...new Set(expected)].sort());
});

test('a static busybox is the first choice, the shell of the host the second', () => {
  const files = host({
    '/bin/busybox': { interpreter: loader, needed: ['libc.so.6'] },
    '/usr/bin/busybox.static': {},
    '/bin/sh': { interpreter: loader },
    [loader]: {},
  });
  const options = { files, isExecutable: () => true };
  const busyboxes = ['/nowhere/busybox', '/bin/busybox', '/usr/bin/busybox.static'];
  const first = findDefaultShell({ ...options, busyboxes });
  assert.deepEqual(
    [first?.kind, first?.source, first?.paths.length],
    ['busybox', '/usr/bin/busybox.static', 1],
  );
  const second = findDefaultShell({ ...options, busyboxes: ['/bin/busybox'] });
  assert.deepEqual([second?.kind, second?.source, second?.paths.length], ['host', '/bin/sh', 2]);
  assert.equal(findDefaultShell({ busyboxes: [], files: host({}), isExecutable: () => true }), undefined);
  const noPermission = findDefaultShell({ ...options, busyboxes, isExecutable: () => false });
  assert.equal(noPermission?.kind, 'host');
});

test('a shell given by a setting is left alone', () => {
  const given = [{ target: '/bin/sh', source: '/x', optional: false, readOnly: true, why: 'a setting' }];
  const own = {
    kind: 'busybox',
    source: '/bb',
    paths: [{ target: '/bin/sh', source: '/bb', optional: false, readOnly: true, why: 'default' }],
  } as const;
  assert.deepEqual(withDefaultShell(given, own), given);
  assert.deepEqual(withDefaultShell([], own), own.paths);
  assert.deepEqual(withDefaultShell(given, undefined), given);
});
