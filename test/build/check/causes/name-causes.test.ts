import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BuildFacts, Variation } from '../../../../ts/build/check/causes/facts.js';
import { mostFiles, nameCauses } from '../../../../ts/build/check/causes/name-causes.js';
import { examine } from '../../../../ts/build/check/examine.js';
import type { Observation, ObservedDifference } from '../../../../ts/build/check/observation.js';

const facts: BuildFacts = {
  startedAt: 1795276866,
  stoppedAt: 1795276867,
  buildDirectory: '/build',
  storePaths: ['/nix/store/iw06dpb3aycqxnnhn648w395chbxc6li-x'],
  pids: [2],
  cores: 8,
  buildCores: 8,
  uname: { release: '6.18.5' },
  umask: 0o022,
  locale: {},
  randomAddresses: true,
};

function file(path: string, a: string, b: string): ObservedDifference {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  const size = { a: left.length, b: right.length };
  return {
    output: 'out',
    difference: { kind: 'file', path, size },
    examined: examine({ a: left, b: right }),
  };
}

test('what files and outputs are called means nothing', () => {
  const contents = [
    ['first', `built at ${facts.startedAt}`, `built at ${facts.startedAt + 1}`],
    ['second', 'b3c1f4c2-0a47-4b8e-9a3c-6d0f7d1f9d11', '0f0c9a4e-5a57-4a54-8f0e-6a1d5a0b7c22'],
    ['third', 'a\nb\nc\n', 'c\nb\na\n'],
    ['fourth', 'x', 'y'],
  ] as const;
  const named = (rename: (name: string) => string, output: string) =>
    nameCauses([
      seen(
        'none',
        contents.map(([name, a, b]) => ({ ...file(rename(name), a, b), output })),
      ),
    ]).map(({ files, ...cause }) => ({ ...cause, files: files.length }));
  const plain = named((name) => name, 'out');
  assert.ok(plain.length > 2, JSON.stringify(plain));
  const telling = new Map([
    ['first', 'random.uuid'],
    ['second', 'timestamp.txt'],
    ['third', 'lib/__pycache__/x.pyc'],
    ['fourth', 'pid'],
  ]);
  assert.deepEqual(
    named((name) => telling.get(name)!, 'locale'),
    plain,
  );
});

/** A comparison; `condition` holds for both builds, `changed` for the second. */
function seen(
  variation: Variation,
  differences: readonly ObservedDifference[],
  condition: Partial<BuildFacts> = {},
  changed: Partial<BuildFacts> = {},
): Observation {
  const a = { ...facts, ...condition };
  return { variation, a, b: { ...a, ...changed }, differences, more: 0 };
}

const named = (...observations: Observation[]) =>
  nameCauses(observations).map(({ cause, confidence, files }) => `${cause} ${confidence} ${files.join(' ')}`);

const abc = (order: string) => `${[...order].join('\n')}\n`;
const shuffled = file('list', abc('abcdef'), abc('fbdace'));
const oneCpu = { cores: 1 };
const fixedAddresses = { randomAddresses: false };

test('nothing differs, nothing is named', () => {
  assert.deepEqual(named(seen('none', []), seen('umask', []), seen('cores', [])), []);
  assert.deepEqual(nameCauses([]), []);
});

test('an order is named by what changes it', () => {
  const plain = seen('none', [shuffled]);
  assert.deepEqual(named(seen('none', []), seen('directory-order', [shuffled])), [
    'directory-order certain out/list',
  ]);
  assert.deepEqual(named(plain, seen('none', [], oneCpu)), ['thread-race certain out/list']);
  assert.deepEqual(named(plain, seen('none', [shuffled], oneCpu)), ['hash-order certain out/list']);
  assert.deepEqual(named(plain, seen('none', [], fixedAddresses)), ['hash-order certain out/list']);
  assert.deepEqual(named(seen('none', []), seen('addresses', [shuffled])), ['hash-order likely out/list']);
  assert.deepEqual(named(plain), ['hash-order possible out/list']);
});

test('an address is told from random bytes by fixed addresses', () => {
  const pointers = file('p', 'at 0x55d0c8f3a2b0', 'at 0x5612aa0012b0');
  assert.deepEqual(named(seen('none', [pointers]), seen('none', [], fixedAddresses)), [
    'address certain out/p',
  ]);
  assert.deepEqual(named(seen('none', [pointers])), ['address likely out/p']);
  assert.deepEqual(named(seen('none', []), seen('addresses', [pointers])), ['address certain out/p']);
  // Under ADDR_NO_RANDOMIZE from the start, what differs each time is no address.
  assert.deepEqual(named(seen('none', [pointers], fixedAddresses)), ['unknown possible out/p']);
  assert.deepEqual(named(seen('none', [pointers]), seen('none', [pointers], fixedAddresses)), [
    'unknown possible out/p',
  ]);
});

test('what differs in every repeat is not put down to what was varied', () => {
  const noise = file(
    'id',
    'id 3b241101-e2bb-4255-8caf-4136c566a962',
    'id 9f1c2d3e-0a4b-4c6d-9e8f-1029384756ab',
  );
  const others: Variation[] = [
    'umask',
    'cores',
    'locale',
    'kernel-name',
    'first-pid',
    'directory-order',
    'descriptors',
  ];
  assert.deepEqual(named(seen('none', [noise]), ...others.map((variation) => seen(variation, [noise]))), [
    'random certain out/id',
  ]);
  // The same second by chance in the repeat, and never in the others.
  const clock = file('t', 'at 1795276866', 'at 1795276869');
  const late = { startedAt: 1795276869, stoppedAt: 1795276870 };
  assert.deepEqual(
    named(
      seen('none', []),
      ...(['later-start', ...others] as Variation[]).map((one) => seen(one, [clock], {}, late)),
    ),
    ['timestamp certain out/t'],
  );
});

test('two causes in one file are two causes', () => {
  const both = (time: string, pid: string) => `time ${time}\nconstant\npid ${pid}\n`;
  const late = { startedAt: 1795276870, stoppedAt: 1795276871 };
  const observations = [
    seen('none', []),
    seen('later-start', [file('log', both('1795276866', '2'), both('1795276870', '2'))], {}, late),
    seen('first-pid', [file('log', both('1795276866', '2'), both('1795276866', '700'))], {}, { pids: [700] }),
  ];
  assert.deepEqual(named(...observations), ['timestamp certain out/log', 'pid certain out/log']);
});

test('a difference that only a variation shows, and looks like nothing, is put down to it', () => {
  const text = file('x', 'yes', 'no');
  const causes = [
    ['later-start', 'timestamp'],
    ['later-day', 'date'],
    ['addresses', 'address'],
    ['first-pid', 'pid'],
    ['directory-order', 'directory-order'],
    ['cores', 'cpu-count'],
    ['kernel-name', 'uname'],
    ['umask', 'umask'],
    ['locale', 'locale'],
    ['descriptors', 'descriptors'],
  ] as const;
  for (const [variation, cause] of causes)
    assert.deepEqual(named(seen('none', []), seen(variation, [text])), [`${cause} likely out/x`]);
  assert.deepEqual(named(seen('none', [text])), ['unknown possible out/x']);
});

test('what follows from an explained difference in the same file is not another one', () => {
  const header = (time: string) => `${time}\n\n\nlength ${time.length}, sum ${time.length * 7}\n`;
  const times = file('a', header('Fri Nov 20 16:01:06 UTC 2026'), header('Sat Nov 21 16:01:06 2026'));
  const start = { startedAt: 1795190466, stoppedAt: 1795190467 };
  const end = { startedAt: 1795276866, stoppedAt: 1795276867 };
  assert.deepEqual(named(seen('none', [times, file('b', 'yes', 'no')], start, end)), [
    'timestamp certain out/a',
    'unknown possible out/b',
  ]);
});

test('names of files, targets and modes are looked at as contents are', () => {
  const late = { startedAt: 1795276870, stoppedAt: 1795276871 };
  const only = (side: 'a' | 'b', path: string): ObservedDifference => ({
    output: 'out',
    difference: { kind: 'only-in', path, side, type: 'regular', files: 1, size: 0 },
  });
  const link: ObservedDifference = {
    output: 'out',
    difference: { kind: 'target', path: 'now', a: 'log-1795276866', b: 'log-1795276870' },
  };
  const renamed = [only('a', 'd/log-1795276866'), only('b', 'd/log-1795276870'), link];
  assert.deepEqual(named(seen('none', []), seen('later-start', renamed, {}, late)), [
    'timestamp certain out/now out/d',
  ]);
  const executable: ObservedDifference = {
    output: 'dev',
    difference: { kind: 'file', path: '', size: { a: 0, b: 0 }, executable: { a: true, b: false } },
  };
  assert.deepEqual(named(seen('none', []), seen('umask', [executable])), ['umask likely dev']);
});

test('lists stay short', () => {
  const many = Array.from({ length: 150 }, (_, i) => file(`f${i}`, `${i} yes`, `${i} no`));
  const [cause] = nameCauses([seen('none', []), seen('umask', many)]);
  assert.equal(cause!.files.length, mostFiles);
  assert.equal(cause!.moreFiles, 50);
  assert.equal(cause!.evidence.length, 1);
});

test('an address that moves with the environment or a preloaded library is an address, and nothing else', () => {
  const pointer = (to: string) => [file('p', 'at 0x5555555592a0\n', `at ${to}\n`)];
  const [random, moved, further] = ['0x5612aa0012a0', '0x5555555594c0', '0x5555555692a0'].map(pointer);
  const usual = [
    seen('none', [], fixedAddresses),
    seen('addresses', random!, fixedAddresses, { randomAddresses: true }),
  ];
  assert.deepEqual(named(...usual, seen('locale', moved!, fixedAddresses)), ['address certain out/p']);
  assert.deepEqual(named(...usual, seen('later-day', further!, fixedAddresses)), ['address certain out/p']);
  // One that shows what was varied, too, is both.
  const language = [file('p', 'at 0x5555555592a0 xterm\n', 'at 0x5555555594c0 vt100\n')];
  assert.deepEqual(
    named(
      ...usual,
      seen(
        'locale',
        language,
        { ...fixedAddresses, locale: { TERM: 'xterm' } },
        { locale: { TERM: 'vt100' } },
      ),
    ),
    ['address certain out/p', 'locale certain out/p'],
  );
});
