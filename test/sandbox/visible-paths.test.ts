import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { hostPath, parseHostPath } from '../../ts/sandbox/host-paths.js';
import { findSpecialFile } from '../../ts/sandbox/special-files.js';
import { completeHostPaths, type VisibleHost } from '../../ts/sandbox/visible-paths.js';
import { temporaryDirectory } from '../support/temporary.js';

const directory = temporaryDirectory('visible');
const at = (...names: string[]) => join(directory, ...names);
const realStoreDir = at('root/nix/store');
const stateDir = at('root/nix/var/nix');

const host: VisibleHost = {
  storeDir: '/nix/store',
  realStoreDir,
  privateDirectories: [stateDir, at('root/nix/var/log/nix'), realStoreDir],
  files: {
    // The made-up program needs one library.
    readElf: (path) => {
      if (!/prog$|lib-.*\.so$/.test(path)) return undefined;
      const needed = path.endsWith('prog') ? ['lib-a.so', 'lib-none.so'] : [];
      return { bits: 64, machine: 62, needed, rpath: [], runpath: [at('lib')] };
    },
    readScriptInterpreter: () => undefined,
    realPath: (path) => (path === at('lib/lib-a.so') ? path : undefined),
    configuredDirectories: () => [],
  },
  closure: async (paths) => {
    if (paths.some((path) => path.endsWith('-gone'))) throw new Error('path is not valid');
    return paths.includes('/nix/store/1-busybox') ? ['/nix/store/0-musl', ...paths] : paths;
  },
  findSpecialFile: (path, signal) => findSpecialFile(path, at('memory'), signal),
};

before(() => {
  for (const name of [
    'plain/sub',
    'lib',
    'bin',
    'rw/sub',
    'root/nix/var/nix/db',
    'root/nix/var/log/nix',
    'fifos',
  ]) {
    mkdirSync(at(name), { recursive: true });
  }
  for (const name of ['1-busybox/bin', '0-musl', '2-gone'])
    mkdirSync(join(realStoreDir, name), { recursive: true });
  for (const file of ['plain/file', 'plain/sub/file', 'lib/lib-a.so', 'bin/prog', 'rw/file'])
    writeFileSync(at(file), '');
  writeFileSync(join(realStoreDir, '1-busybox/bin/busybox'), '');
  symlinkSync('busybox', join(realStoreDir, '1-busybox/bin/sh'));
  symlinkSync('/nix/store/1-busybox', at('result'));
  symlinkSync(at('plain'), at('link'));
  symlinkSync('loop-b', at('loop-a'));
  symlinkSync('loop-a', at('loop-b'));
  symlinkSync(at('plain'), at('rw/link'));
  symlinkSync(stateDir, at('to-state'));
  execFileSync('mkfifo', [at('fifos/fifo')]);
});

const wish = (item: string, readOnly = true) => parseHostPath(item, { why: `asked for ${item}`, readOnly });
const complete = (...items: string[]) =>
  completeHostPaths(
    items.map((item) => wish(item)),
    host,
  );
const shown = async (...items: string[]) =>
  (await complete(...items)).map(({ target, source }) => `${target} = ${source}`);

test('a search that is stopped rejects with the reason, not with a path', async () => {
  const reason = new Error('enough');
  const stopped = completeHostPaths([wish(at('plain'))], host, { signal: AbortSignal.abort(reason) });
  await assert.rejects(stopped, (error) => error === reason);
});

async function refuses(message: RegExp, wishes: Parameters<typeof completeHostPaths>[0]): Promise<void> {
  await assert.rejects(completeHostPaths(wishes, host), { code: 'ERR_SANDBOX_PATH', message });
}

test('a path is bound from where it really is', async () => {
  assert.deepEqual(
    await shown(at('link'), `/x=${at('link/file')}`),
    [`${at('link')} = ${at('plain')}`, `/x = ${at('plain/file')}`].sort(),
  );
});

test('a source that is missing is skipped where that was asked for', async () => {
  assert.deepEqual(await shown(`${at('no')}?`, `${at('plain/file/no')}?`, '/nix/store/9-no?'), []);
  await refuses(/no' does not exist \(asked for /, [wish(at('no'))]);
  await refuses(/9-no' is not in this store/, [wish('/nix/store/9-no')]);
});

test('a circle of symlinks, even an optional one', () =>
  refuses(/loop-a' leads in a circle of symlinks/, [wish(`${at('loop-a')}?`)]));

for (const path of [
  'root/nix/var/nix',
  'root/nix/var/nix/db',
  'to-state',
  'to-state/db',
  'root/nix/store',
  'root',
  '',
]) {
  test(`the store's own state: ${path || 'a directory that holds it'}`, () =>
    refuses(/(lies in|holds) the store's own state/, [hostWish(at(path))]));
}

function hostWish(source: string) {
  const sides = hostPath({ source, target: '/x' }, source);
  return { ...sides, optional: false, readOnly: true, why: 'a test', expand: true };
}

test('a store path brings its closure: by its logical path, its physical one, or a link', async () => {
  const closure = [
    `/nix/store/0-musl = ${realStoreDir}/0-musl`,
    `/nix/store/1-busybox = ${realStoreDir}/1-busybox`,
  ];
  assert.deepEqual(await shown('/nix/store/1-busybox'), closure);
  assert.deepEqual(await shown('/nix/store/1-busybox/bin/sh'), closure);
  assert.deepEqual(await shown(`${realStoreDir}/1-busybox`), closure);
  assert.deepEqual(await shown(`/bin/sh=${realStoreDir}/1-busybox/bin/sh`), [
    `/bin/sh = ${realStoreDir}/1-busybox/bin/busybox`,
    ...closure,
  ]);
  assert.deepEqual(await shown(`/r=${at('result')}`), [...closure, `/r = ${realStoreDir}/1-busybox`]);
  const why = (await complete('/nix/store/1-busybox')).map((path) => path.why);
  assert.deepEqual(why, [
    'in the closure of /nix/store/1-busybox; asked for /nix/store/1-busybox',
    'asked for /nix/store/1-busybox',
  ]);
});

test('without its closure where that was asked for; never writable', async () => {
  const paths = await completeHostPaths([{ ...wish('/nix/store/1-busybox', false), expand: false }], host);
  assert.deepEqual(
    paths.map(({ target, readOnly }) => [target, readOnly]),
    [['/nix/store/1-busybox', true]],
  );
});

test('a store path that is not valid', () =>
  refuses(/2-gone' is not in this store: path is not valid \(asked for/, [wish('/nix/store/2-gone')]));

test('a program brings its libraries and says what it lacks', async () => {
  const paths = await complete(at('bin/prog'));
  assert.deepEqual(
    paths.map(({ target }) => target),
    [at('bin/prog'), at('lib/lib-a.so')],
  );
  assert.match(paths[0]!.why, /^asked for .*; not on this machine: lib-none\.so, a library of .*prog$/);
  const alone = await completeHostPaths([{ ...wish(at('bin/prog')), expand: false }], host);
  assert.equal(alone.length, 1);
});

test('what a directory shows anyway is not bound again', async () => {
  assert.deepEqual(await shown(at('plain'), at('plain/file')), [`${at('plain')} = ${at('plain')}`]);
  assert.deepEqual(await shown(at('lib'), at('bin/prog')), [
    `${at('bin/prog')} = ${at('bin/prog')}`,
    `${at('lib')} = ${at('lib')}`,
  ]);
  // Something else at the same place is.
  assert.equal((await shown(at('plain'), `${at('plain/file')}=${at('rw/file')}`)).length, 2);
});

test('a later wish wins over what was there; what it brings along does not', async () => {
  const given = [
    { target: '/sh', source: '/given', optional: false, readOnly: true, why: 'given' },
    { target: at('lib/lib-a.so'), source: '/given', optional: false, readOnly: true, why: 'given' },
  ];
  const paths = await completeHostPaths([wish(`/sh=${at('plain/file')}`), wish(at('bin/prog'))], host, {
    given,
  });
  assert.deepEqual(
    paths.filter(({ source }) => source === '/given').map(({ target }) => target),
    [at('lib/lib-a.so')],
  );
});

test('sockets, FIFOs and devices are refused unless declared writable', async () => {
  await refuses(/fifos\/fifo' is a FIFO/, [wish(at('fifos/fifo'))]);
  await refuses(/fifos' holds a FIFO, '.*fifos\/fifo'/, [wish(at('fifos'))]);
  await refuses(/'\/dev\/null' is a device/, [wish('/dev/null')]);
  await refuses(/'\/dev' holds a device/, [wish('/dev')]);
  const writable = [wish(at('fifos/fifo'), false), wish('/dev/null', false)];
  assert.equal((await completeHostPaths(writable, host)).length, 2);
  // Writable below something read-only does not open the rest.
  await refuses(/holds a FIFO/, [wish(at('fifos')), wish(at('fifos/fifo'), false)]);
  const server = createServer().listen(at('plain/sub/socket'));
  await new Promise((resolve) => server.once('listening', resolve));
  try {
    await refuses(/plain' holds a socket, '.*plain\/sub\/socket'/, [wish(at('plain'))]);
    await refuses(/socket' is a socket/, [wish(`/run/x=${at('plain/sub/socket')}`)]);
  } finally {
    server.close();
  }
});

test('nothing is reached through a directory that builds may write to', async () => {
  const writable = wish(at('rw'), false);
  await refuses(/sub' is reached through '.*rw', which builds may write to/, [
    writable,
    wish(`/y=${at('rw/sub')}`),
  ]);
  await refuses(/is reached through/, [writable, wish(`/x=${at('rw/link/file')}`)]);
  await refuses(/is reached through/, [writable, wish(`/x=${at('rw/sub')}`, false)]);
  assert.equal((await completeHostPaths([writable, wish(`/other=${at('rw')}`)], host)).length, 2);
});

test('the /proc of the host is for the planner to leave out', async () => {
  assert.deepEqual(await shown('/proc'), ['/proc = /proc']);
});
