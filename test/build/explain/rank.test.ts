import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AttemptLog } from '../../../ts/build/explain/attempt-log.js';
import type { HostFacts } from '../../../ts/build/explain/cures.js';
import { isNoise } from '../../../ts/build/explain/noise.js';
import { rankCulprits } from '../../../ts/build/explain/rank.js';
import type { Attempt } from '../../../ts/sandbox/attempt.js';

const input = '/nix/store/2yvsa4vkk2vcsvzr3khh4vv64zcn1h6r-dep';
const surroundings = { storeDir: '/nix/store', known: new Set([input]), buildDirectory: '/build' };
const host: HostFacts = {
  exists: (path) => ['/usr/bin/cc', '/etc/services'].includes(path),
  find: (_, name) => (name === 'cc' ? '/usr/bin/cc' : undefined),
  inStore: () => false,
};

type Line = readonly [intent: Attempt['intent'], errno: number, path: string];

async function rank(
  lines: readonly Line[],
  { status = 1, said = [] as readonly string[], on = host as HostFacts } = {},
) {
  const log = new AttemptLog();
  for (const [intent, errno, path] of lines) log.add({ thread: 2, intent, errno, flags: 0, path });
  const observed = { tried: log.all(), outcome: { kind: 'exited', status }, lastLines: said } as const;
  return (await rankCulprits(observed, surroundings, on)).culprits;
}

test('a search that ended well is no miss; one that did not is one miss', async () => {
  const found = await rank([
    ['look', 2, '/usr/local/bin/cc'],
    ['look', 0, '/bin/cc'],
    ['open', 2, '/lib/libz.so.1'],
    ['open', 2, '/usr/lib/libz.so.1'],
  ]);
  assert.deepEqual(
    found.map(({ path, count, tried }) => [path, count, tried.length]),
    [['libz.so.1', 2, 2]],
  );
});

test('what was made in the end was not missing', async () => {
  assert.deepEqual(
    await rank([
      ['look', 2, '/build/out'],
      ['make', 0, '/build/out'],
      ['look', 0, '/build/out'],
    ]),
    [],
  );
});

test('the builder’s last words weigh more than what came last', async () => {
  const lines: Line[] = [
    ['open', 2, '/etc/services'],
    ['open', 2, '/etc/later'],
    ['open', 2, '/etc/last'],
  ];
  assert.equal((await rank(lines))[0]!.path, '/etc/last');
  assert.equal((await rank(lines, { said: ["cat: can't open '/etc/services'"] }))[0]!.path, '/etc/services');
  // No part of another word.
  assert.equal((await rank(lines, { said: ['/etc/services.d is fine'] }))[0]!.path, '/etc/last');
});

test('what every program looks for is no culprit, unless the builder says so', async () => {
  const lines: Line[] = [
    ['open', 2, '/etc/ld.so.preload'],
    ['open', 2, '/usr/lib/locale/locale-archive'],
    ['open', 2, '/usr/share/locale/en/LC_MESSAGES/make.mo'],
    ['open', 2, '/etc/terminfo/x/xterm-256color'],
    ['connect', 2, 'unix:/var/run/nscd/socket'],
    ['open', 2, '/etc/localtime'],
  ];
  assert.deepEqual(await rank(lines), []);
  const [first] = await rank(lines, { said: ['cannot read /etc/localtime'] });
  assert.equal(first!.path, '/etc/localtime');
});

test('optional files that are only looked for long before the end are not likely', async () => {
  const lines: Line[] = Array.from({ length: 30 }, (_, i) => ['look', 2, `/opt/feature-${i}`]);
  const likely = (await rank(lines)).filter((culprit) => culprit.likely);
  assert.deepEqual(likely, []);
});

test('status 127 speaks for a program', async () => {
  const lines: Line[] = [
    ['execute', 2, '/usr/local/bin/cc'],
    ['open', 2, '/etc/conf'],
  ];
  assert.equal((await rank(lines, { status: 127 }))[0]!.path, '/usr/local/bin/cc');
});

test('each kind has a cure, and the setting where one grants it', async () => {
  const [program] = await rank([['execute', 2, '/usr/local/bin/cc']], { status: 127 });
  assert.deepEqual(program!.setting, { name: 'extra-sandbox-paths', value: '/usr/local/bin/cc=/usr/bin/cc' });
  const [store] = await rank([['open', 2, '/nix/store/x5lwfmcgs4i54v4dj4x421bms9bgyxn3-b/lib/x']]);
  assert.deepEqual(
    [store!.kind, store!.path],
    ['undeclared-input', '/nix/store/x5lwfmcgs4i54v4dj4x421bms9bgyxn3-b'],
  );
  const [held] = await rank([['open', 2, `${input}/lib/x`]]);
  assert.deepEqual([held!.kind, held!.likely], ['not-in-input', false]);
  const [network] = await rank([['connect', 101, 'inet:192.0.2.1:443']]);
  assert.deepEqual([network!.kind, network!.path], ['network', '192.0.2.1:443']);
  assert.deepEqual(
    await rank([['connect', 111, 'inet:127.0.0.1:5432']]),
    [],
    'a server that is to be in here',
  );
});

test('no name that a builder made up gets into a setting, where it could mean more than a path', async () => {
  const everything: HostFacts = { ...host, exists: () => true, find: (_, name) => `/usr/bin/${name}` };
  const elsewhere: HostFacts = { ...everything, exists: () => false };
  const names = [
    '/usr/$(touch$IFS~/pwned)=/etc /home/x=/home/x /usr/gzip',
    '/usr/bin/gz ip',
    '/usr/bin/gzip?',
    '/usr/bin/a=/etc',
    '/usr/lib/../../etc/libz.so.1',
    '/usr/lib;x/libz.so.1',
    '/usr/include/`x`/zlib.h',
    '/dev/a b',
    '/sys/a\n/b',
    '/etc/a;b',
  ];
  for (const path of names) {
    for (const on of [everything, elsewhere]) {
      for (const intent of ['execute', 'open'] as const) {
        const [found] = await rank([[intent, 2, path]], { status: 127, said: [path], on });
        assert.ok(found, path);
        const value = found.setting?.value ?? '';
        assert.match(value, /^(\/[A-Za-z0-9._+@-]+)*(=(\/[A-Za-z0-9._+@-]+)+)?$/, path);
        assert.doesNotMatch(value, /\.\.|pwned/);
        assert.doesNotMatch(found.cure, /sandbox-paths = .*(pwned|etc)/);
      }
    }
  }
});

test('something is shown under another path only in a usual directory; otherwise the cure is in words', async () => {
  const [odd] = await rank([['execute', 2, '/opt/bin/cc']], { status: 127 });
  assert.equal(odd!.setting, undefined);
  assert.match(odd!.cure, /show this machine's \('\/usr\/bin\/cc'\) where it is looked for/);
  const on = { ...host, exists: () => false, find: () => '/usr/lib/libz.so.1' };
  const [library] = await rank(
    [
      ['open', 2, '/lib/glibc-hwcaps/x86-64-v3/libz.so.1'],
      ['open', 2, '/lib/x86_64-linux-gnu/libz.so.1'],
    ],
    { on },
  );
  assert.equal(library!.setting?.value, '/lib/x86_64-linux-gnu/libz.so.1=/usr/lib/libz.so.1');
});

test('this machine is asked of the first culprits only, however many a builder makes up', async () => {
  let asked = 0;
  const on: HostFacts = {
    exists: () => ++asked < 0,
    find: () => void asked++,
    inStore: () => false,
  };
  const lines = Array.from({ length: 5000 }, (_, i): Line => ['open', 2, `/net/host-${i}/file`]);
  const observed = { outcome: { kind: 'exited', status: 1 }, lastLines: [] } as const;
  const log = new AttemptLog();
  for (const [intent, errno, path] of lines) log.add({ thread: 2, intent, errno, flags: 0, path });
  const { culprits, more } = await rankCulprits({ ...observed, tried: log.all() }, surroundings, on);
  assert.deepEqual([culprits.length, more, culprits[0]!.path], [20, 4980, '/net/host-4999/file']);
  assert.ok(asked <= 60, `${asked}`);
  asked = 0;
  const search = lines.map(([intent, errno, path]): Line => [intent, errno, `${path}/libz.so`]);
  await rank(search, { on });
  assert.ok(asked <= 100, `${asked}`);
});

test('noise is what is looked for by habit, not what a build is about', async () => {
  for (const path of [
    '/etc/services',
    '/usr/bin/env',
    '/lib/libc.so.6',
    '/etc/passwd',
    '/dev/kvm',
    '/sys/class/net',
  ]) {
    assert.equal(isNoise(path), false, path);
  }
});
