import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { defaultShellPaths, findDefaultShell } from '../../ts/sandbox/default-shell.js';
import type { ElfFile } from '../../ts/sandbox/elf.js';
import { readLoaderConfiguration } from '../../ts/sandbox/loader-directories.js';
import { hostLoaderFiles, type LoaderFiles, programFiles } from '../../ts/sandbox/program-files.js';
import { parseScriptInterpreter } from '../../ts/sandbox/script.js';
import { requires } from '../support/requires.js';
import { temporaryDirectory } from '../support/temporary.js';

/** A host out of a table: ELF files by real path, symlinks by path. */
function host(
  files: Record<string, Partial<ElfFile>>,
  links: Record<string, string> = {},
  configured: string[] = [],
  scripts: Record<string, string> = {},
): LoaderFiles {
  return {
    readElf: (path) =>
      files[path] && { bits: 64, machine: 62, needed: [], rpath: [], runpath: [], ...files[path] },
    realPath: (path) => {
      const real = links[path] ?? path;
      return real in files || real in scripts ? real : undefined;
    },
    readScriptInterpreter: (path) => scripts[path],
    configuredDirectories: () => configured,
  };
}

const loader = '/lib64/ld-linux-x86-64.so.2';
const shell = { source: '/usr/bin/dash', target: '/bin/sh' };
const pairs = (files: LoaderFiles, program = shell) =>
  programFiles(files, program).paths.map(({ target, source }) => `${target} = ${source}`);
const missing = (files: LoaderFiles) => programFiles(files, shell).missing;

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
  assert.deepEqual(pairs(files)[1], '/usr/lib/libx.so = /usr/lib/libx.so');
});

test('$ORIGIN is the real directory on the host and the shown one inside', () => {
  const files = host({
    '/opt/x/bin/prog': { interpreter: loader, needed: ['liba.so'], runpath: ['$ORIGIN/../lib'] },
    [loader]: {},
    '/opt/x/lib/liba.so': {},
  });
  assert.deepEqual(
    pairs(files, { source: '/opt/x/bin/prog', target: '/bin/prog' })[1],
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
  assert.equal(pairs(files('rpath')).length, 3);
  assert.deepEqual(missing(files('runpath')), ['libb.so, a library of /opt/liba.so, needed by /bin/sh']);
});

test('what only the cache of the loader finds brings the cache along', () => {
  const files = host(
    { '/usr/bin/dash': { interpreter: loader, needed: ['liba.so'] }, [loader]: {}, '/opt/lib/liba.so': {} },
    {},
    ['/opt/lib'],
  );
  assert.deepEqual(pairs(files).slice(1), [
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
  assert.equal(pairs(files).length, 3);
});

test('what a program lacks is said', () => {
  assert.deepEqual(missing(host({ '/usr/bin/dash': { interpreter: loader } })), [
    `${loader}, the loader of /bin/sh`,
  ]);
  const files = host({ '/usr/bin/dash': { interpreter: loader, needed: ['libx.so'] }, [loader]: {} });
  assert.deepEqual(missing(files), ['libx.so, a library of /bin/sh']);
  // A file that is no program needs nothing.
  assert.deepEqual(programFiles(host({}), shell), { paths: [], missing: [] });
});

test('every path says what it is needed for', () => {
  const files = host({
    '/usr/bin/dash': { interpreter: loader, needed: ['liba.so'] },
    [loader]: {},
    '/lib/liba.so': { needed: ['libb.so'] },
    '/lib/libb.so': {},
  });
  assert.deepEqual(
    programFiles(files, shell).paths.map(({ why }) => why),
    ['the loader of /bin/sh', 'a library of /bin/sh', 'a library of /lib/liba.so, needed by /bin/sh'],
  );
});

test('a script brings its interpreter, whatever that is', () => {
  const files = host(
    { '/usr/bin/perl-5': { interpreter: loader, needed: ['liba.so'] }, [loader]: {}, '/lib/liba.so': {} },
    { '/usr/bin/perl': '/usr/bin/perl-5' },
    [],
    { '/usr/bin/dash': '/opt/wrapper', '/opt/wrapper': '/usr/bin/perl' },
  );
  assert.deepEqual(pairs(files), [
    '/opt/wrapper = /opt/wrapper',
    '/usr/bin/perl = /usr/bin/perl-5',
    `${loader} = ${loader}`,
    '/lib/liba.so = /lib/liba.so',
  ]);
  assert.deepEqual(missing(host({}, {}, [], { '/usr/bin/dash': '/no/perl' })), [
    '/no/perl, the interpreter of /bin/sh',
  ]);
  // Scripts that are each other's interpreters come to an end.
  const circle = host({}, {}, [], { '/usr/bin/dash': '/a', '/a': '/b', '/b': '/a' });
  assert.deepEqual(pairs(circle), ['/a = /a', '/b = /b']);
});

test('$LIB and $PLATFORM', () => {
  const files = (runpath: string, library: string) =>
    host({
      '/opt/x/bin/prog': { interpreter: loader, needed: ['liba.so'], runpath: [runpath] },
      [loader]: {},
      [library]: {},
    });
  const program = { source: '/opt/x/bin/prog', target: '/opt/x/bin/prog' };
  for (const [runpath, library] of [
    ['/opt/$LIB', '/opt/lib64/liba.so'],
    [`\${ORIGIN}/../\${LIB}`, '/opt/x/lib/x86_64-linux-gnu/liba.so'],
    ['$ORIGIN/$PLATFORM', '/opt/x/bin/x86_64/liba.so'],
  ] as const) {
    assert.equal(pairs(files(runpath, library), program)[1], `${library} = ${library}`);
  }
});

test('$ORIGIN of a library is where it was found, even by a symlink', () => {
  const files = host(
    {
      '/usr/bin/dash': { interpreter: loader, needed: ['liba.so'], runpath: ['/opt'] },
      [loader]: {},
      '/elsewhere/liba.so.1': { needed: ['libb.so'], runpath: ['$ORIGIN/more'] },
      '/opt/more/libb.so': {},
    },
    { '/opt/liba.so': '/elsewhere/liba.so.1' },
  );
  assert.deepEqual(pairs(files).slice(1), [
    '/opt/liba.so = /elsewhere/liba.so.1',
    '/opt/more/libb.so = /opt/more/libb.so',
  ]);
});

test('what ld.so.conf names comes before the directories built in, as in the cache of the loader', () => {
  const files = host(
    {
      '/usr/bin/dash': { interpreter: loader, needed: ['liba.so'] },
      [loader]: {},
      '/usr/lib/liba.so': {},
      '/usr/local/lib/liba.so': {},
    },
    {},
    ['/usr/local/lib', '/usr/lib'],
  );
  assert.equal(pairs(files)[1], '/usr/local/lib/liba.so = /usr/local/lib/liba.so');
});

test('hostile programs and libraries end in an answer after a bounded number of looks', () => {
  const text = fc.constantFrom(
    'a',
    'b',
    '/a',
    '../a',
    '$ORIGIN',
    '$LIB/x',
    'liba.so',
    '',
    '/lib/liba.so',
    'x'.repeat(5000),
  );
  const elf = fc.record({
    interpreter: fc.option(text, { nil: undefined }),
    needed: fc.array(text, { maxLength: 30 }),
    rpath: fc.array(text, { maxLength: 30 }),
    runpath: fc.array(text, { maxLength: 5 }),
  });
  fc.assert(
    fc.property(fc.array(elf, { minLength: 1, maxLength: 5 }), (elves) => {
      let looks = 0;
      const files: LoaderFiles = {
        readElf: (path) => {
          const { interpreter, ...rest } = elves[path.length % elves.length]!;
          return { bits: 64, machine: 62, ...rest, ...(interpreter === undefined ? {} : { interpreter }) };
        },
        readScriptInterpreter: () => undefined,
        realPath: (path) => (++looks % 3 === 0 ? path : undefined),
        configuredDirectories: () => ['/lib', '/opt'],
      };
      programFiles(files, shell);
      assert.ok(looks <= 20_100, `${looks} looks`);
    }),
    { numRuns: 300 },
  );
});

test('a program with more libraries and directories than there can be is given up', () => {
  const names = Array.from({ length: 512 }, (_, index) => `lib${index}.so`);
  const runpath = Array.from({ length: 2000 }, (_, index) => `/d${index}`);
  const files = host({ '/usr/bin/dash': { interpreter: loader, needed: names, runpath }, [loader]: {} });
  let looks = 0;
  const realPath = (path: string) => {
    looks++;
    return files.realPath(path);
  };
  assert.equal(programFiles({ ...files, realPath }, shell).missing.length, 512);
  assert.ok(looks < 20_100, `${looks} looks`);
});

test('ld.so.conf: comments, nested includes in a circle, patterns', () => {
  const directory = temporaryDirectory('ld-so-conf');
  mkdirSync(join(directory, 'd'));
  const file = (name: string, text: string) => writeFileSync(join(directory, name), text);
  file(
    'ld.so.conf',
    '# a comment\n/one # more\ninclude d/*.conf\ninclude missing\nhwcap 1 nosegneg\n/two=libc6\n',
  );
  file('d/b.conf', '/b\n');
  file('d/a.conf', `/a\ninclude ${directory}/ld.so.conf\n`);
  file('d/c.txt', '/c\n');
  assert.deepEqual(readLoaderConfiguration(join(directory, 'ld.so.conf')), ['/one', '/a', '/b', '/two']);
  assert.deepEqual(readLoaderConfiguration(join(directory, 'no')), []);
});

test('#! lines', () => {
  for (const [text, expected] of [
    ['#!/bin/sh\n', '/bin/sh'],
    ['#! \t/usr/bin/env perl -w\n/x', '/usr/bin/env'],
    ['#!/bin/sh', '/bin/sh'],
    ['#!sh\n', undefined],
    ['#!\n/bin/sh', undefined],
    ['# !/bin/sh', undefined],
    ['', undefined],
  ] as const) {
    assert.equal(parseScriptInterpreter(Buffer.from(text)), expected, text);
  }
});

test("the host's own shell: the same libraries as ldd finds", requires('linux', 'program:ldd'), () => {
  const sh = realpathSync('/bin/sh');
  const found = programFiles(hostLoaderFiles, { source: sh, target: '/bin/sh' });
  assert.deepEqual(found.missing, []);
  // What is preloaded into every program of these tests is nothing that this one needs.
  const ldd = execFileSync('ldd', [sh], { encoding: 'utf8', env: { ...process.env, LD_PRELOAD: '' } });
  const expected = [...ldd.matchAll(/(\/\S+) \(0x/g)].map((match) => realpathSync(match[1]!));
  const sources = found.paths.map(({ source }) => source).filter((source) => source !== '/etc/ld.so.cache');
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
  const own = {
    kind: 'busybox',
    source: '/bb',
    paths: [{ target: '/bin/sh', source: '/bb', optional: false, readOnly: true, why: 'default' }],
  } as const;
  assert.deepEqual(defaultShellPaths(['/bin/sh'], own), []);
  assert.deepEqual(defaultShellPaths(['/bin'], own), []);
  assert.deepEqual(defaultShellPaths(['/usr'], own), own.paths);
  assert.deepEqual(defaultShellPaths([], undefined), []);
});
