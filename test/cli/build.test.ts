import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { printDerivation } from '../../ts/derivation/aterm-print.js';
import { derivationPath } from '../../ts/derivation/derivation-path.js';
import { printJson } from '../../ts/derivation/json-print.js';
import { derivationToJson } from '../../ts/derivation/json-write.js';
import { builtResult, derivationNamed, FakeHost } from './fake-host.js';

const a = '/nix/store/9sd9qpl47gvr21g7n6kxlx4dch82y0qd-a.drv';
const b = '/nix/store/x5lwfmcgs4i54v4dj4x421bms9bgyxn3-b.drv';
const out = '/nix/store/w2gbh6q1ywqx2fxffd2djqav63zyqfb0-a';

let directory = '';
let host = new FakeHost();
before(() => {
  directory = mkdtempSync(join(tmpdir(), 'airplant-build-'));
});
after(() => rmSync(directory, { recursive: true, force: true }));
beforeEach(() => {
  host = new FakeHost();
  host.cwd = directory;
});

test('derivations with and without outputs, by logical, physical and linked path', async () => {
  symlinkSync(a, join(directory, 'link.drv'));
  const physical = `/home/u/root${b}`;
  await host.run('build', a, `${b}!out,dev`, `${b}^*`, 'link.drv', physical, out);
  assert.deepEqual(host.store.built, [
    { kind: 'outputs', drvPath: a, outputs: 'all' },
    { kind: 'outputs', drvPath: b, outputs: ['out', 'dev'] },
    { kind: 'outputs', drvPath: b, outputs: 'all' },
    { kind: 'outputs', drvPath: a, outputs: 'all' },
    { kind: 'outputs', drvPath: b, outputs: 'all' },
    { kind: 'path', path: out },
  ]);
  assert.equal(host.store.closed, 1);
});

test('output paths on stdout, links like nix-build, and how to use a dangling one', async () => {
  host.store.report = {
    repaired: [],
    exitStatus: 0,
    results: [
      builtResult(a, { out, dev: `${out}-dev` }),
      builtResult(b, { out: '/nix/store/gfjc475l9yhcfygl9wlj5hj7imyfd77g-b' }),
      builtResult(a, { dev: `${out}-dev` }),
    ],
  };
  const { status, stdout, stderr } = await host.run('build', a, b, a);
  assert.equal(status, 0);
  assert.equal(stdout, `${out}\n${out}-dev\n/nix/store/gfjc475l9yhcfygl9wlj5hj7imyfd77g-b\n${out}-dev\n`);
  assert.deepEqual(host.store.local.links, [
    { link: join(directory, 'result'), path: out },
    { link: join(directory, 'result-dev'), path: `${out}-dev` },
    { link: join(directory, 'result-2'), path: '/nix/store/gfjc475l9yhcfygl9wlj5hj7imyfd77g-b' },
  ]);
  assert.match(stderr, /'result' points at .* \/home\/u\/root and dangles.*\n.*airplant run \.\/result\n/);
});

test('--no-link and --out-link', async () => {
  host.store.report = { repaired: [], exitStatus: 0, results: [builtResult(a, { out })] };
  await host.run('build', a, '--no-link');
  assert.deepEqual(host.store.local.links, []);
  await host.run('build', a, '-o', 'sub/x');
  assert.deepEqual(host.store.local.links, [{ link: join(directory, 'sub/x'), path: out }]);
});

test('the exit status is the report’s; a failure is told once, by its event', async () => {
  const failure = { code: 'ERR_BUILD_FAILED', message: 'it failed', hint: 'h', drvPath: a, lastLines: [] };
  host.store.events = [
    { type: 'build.failed', ...failure },
    { type: 'build.failed', ...failure, drvPath: b, message: 'no input' },
  ];
  host.store.report = {
    repaired: [],
    exitStatus: 100,
    results: [
      { ...builtResult(a, {}), status: 'PermanentFailure', error: failure },
      {
        ...builtResult(b, {}),
        status: 'DependencyFailed',
        error: { ...failure, drvPath: b, message: 'no input' },
      },
    ],
  };
  const { status, stdout, stderr } = await host.run('build', a, b);
  assert.equal(status, 100);
  assert.equal(stdout, '');
  assert.equal(stderr.match(/error:/g)?.length, 2);
  assert.match(stderr, /error: it failed\n(.|\n)*error: no input\n/);
});

test('with --progress json every line is JSON', async () => {
  writeFileSync(
    join(directory, 'settings.mjs'),
    `export const settings = { timeout: 3 }; export default { drvPath: '${a}' };`,
  );
  host.store.report = { repaired: [], exitStatus: 0, results: [builtResult(a, { out })] };
  const { stderr } = await host.run('build', 'settings.mjs', '--progress', 'json');
  const messages = stderr
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { type: string; message: string });
  assert.deepEqual(
    messages.map(({ type }) => type),
    ['warning', 'warning'],
  );
  assert.match(messages[0]!.message, /settings\.mjs sets timeout = 3$/);
});

test('after a failure nothing is printed or linked, except as JSON', async () => {
  const error = { code: 'ERR_BUILD_FAILED', message: 'it failed', hint: 'h', drvPath: b };
  host.store.report = {
    repaired: [],
    exitStatus: 100,
    results: [builtResult(a, { out }), { ...builtResult(b, {}), status: 'PermanentFailure', error }],
  };
  assert.equal((await host.run('build', a, b)).stdout, '');
  assert.deepEqual(host.store.local.links, []);
  const results = JSON.parse((await host.run('build', a, b, '--json')).stdout) as { status: string }[];
  assert.deepEqual(
    results.map(({ status }) => status),
    ['Built', 'PermanentFailure'],
  );
});

test('--json holds all there is to know', async () => {
  host.store.report = { repaired: [], exitStatus: 0, results: [builtResult(a, { out })] };
  const { stdout } = await host.run('build', a, '--json');
  assert.deepEqual(JSON.parse(stdout), [
    { drvPath: a, status: 'Built', outputs: { out }, startTime: 1, stopTime: 2 },
  ]);
});

test('--dry-run says what would be done and does nothing', async () => {
  host.store.planned = {
    build: [{ drvPath: a, derivation: derivationNamed('a'), missing: ['out'], wanted: 'all', dependsOn: [] }],
    substitute: [],
    valid: [],
    unknown: [b],
  };
  const { status, stdout, stderr } = await host.run('build', a, '--dry-run', '--json');
  assert.equal(status, 0);
  assert.equal(
    stderr,
    `this derivation will be built:\n  ${a}\ndon't know how to build these paths:\n  ${b}\n`,
  );
  assert.deepEqual(JSON.parse(stdout), {
    build: [{ drvPath: a, missing: ['out'], dependsOn: [] }],
    substitute: [],
    valid: [],
    unknown: [b],
  });
  assert.equal(host.store.signal, undefined);
});

test('flags become settings, in their order', async () => {
  await host.run('build', a, '-j', 'auto', '--option', 'timeout', '5', '--timeout=6', '-k', '--store', '/s');
  const { settings, store } = host.opened[0]!;
  assert.ok(settings['max-jobs'] >= 1);
  assert.deepEqual([settings.timeout, settings['keep-going'], store], [6, true, '/s']);
  const wrong = await host.run('build', a, '--option', 'timeuot', '5');
  assert.equal(wrong.status, 2);
  assert.match(wrong.stderr, /unknown setting 'timeuot'; did you mean 'timeout'/);
});

test('a module may set settings, which are announced; flags have the last word', async () => {
  mkdirSync(join(directory, 'project'), { recursive: true });
  writeFileSync(
    join(directory, 'project', 'default.mjs'),
    `export const settings = { 'extra-sandbox-paths': ['/usr'], timeout: 3 };
     export default [{ drvPath: '${a}' }, { drvPath: '${b}' }];`,
  );
  host.cwd = join(directory, 'project');
  host.store.report = { repaired: [], exitStatus: 0, results: [builtResult(a, { out })] };
  const { stderr, stdout } = await host.run('build', '--timeout', '4', '--json');
  assert.match(stderr, /note: .*default\.mjs sets extra-sandbox-paths = \/usr\n/);
  assert.deepEqual(
    host.store.built.map((wanted) => wanted.kind === 'outputs' && wanted.drvPath),
    [a, b],
  );
  const { settings } = host.opened[0]!;
  assert.deepEqual([settings['sandbox-paths'], settings.timeout], [['/bin/sh=__default_shell__', '/usr'], 4]);
  assert.deepEqual((JSON.parse(stdout) as { moduleSettings: unknown }[])[0]!.moduleSettings, [
    { from: join(host.cwd, 'default.mjs'), settings: { 'extra-sandbox-paths': ['/usr'], timeout: 3 } },
  ]);
});

test('derivations from JSON and from .drv files outside of the store are added', async () => {
  const derivation = derivationNamed('hello');
  writeFileSync(join(directory, 'x.json'), printJson(derivationToJson(derivation, 4)));
  writeFileSync(join(directory, '9sd9qpl47gvr21g7n6kxlx4dch82y0qd-hello.drv'), printDerivation(derivation));
  const { stderr } = await host.run('build', 'x.json', './9sd9qpl47gvr21g7n6kxlx4dch82y0qd-hello.drv');
  assert.equal(stderr, '');
  assert.deepEqual(
    host.store.local.written.map(({ name }) => name),
    ['hello', 'hello'],
  );
});

test('of JSON that is wrong about a path nothing is added', async () => {
  const json = (name: string) => derivationToJson(derivationNamed(name), 4);
  const right = derivationPath('/nix/store', derivationNamed('right')).slice('/nix/store/'.length);
  const derivations = { [right]: json('right'), [`${'0'.repeat(32)}-wrong.drv`]: json('wrong') };
  writeFileSync(join(directory, 'wrong.json'), JSON.stringify({ version: 4, derivations }));
  host.store.local.written.length = 0;
  const { status, stderr } = await host.run('build', 'wrong.json');
  assert.equal(status, 1);
  assert.match(stderr, /calls a derivation \S+-wrong\.drv, but its content makes it/);
  assert.deepEqual(host.store.local.written, []);
});

const wrong: readonly [operand: string, status: number, message: RegExp][] = [
  ['no-such-file', 2, /'no-such-file' is nothing that can be built/],
  ['wrong.json/below', 2, /'wrong.json\/below' is nothing that can be built/],
  ['wrong.json/below.ts', 1, /module '.*wrong\.json\/below\.ts' does not exist/],
  ['.', 2, /directory '\.' has no default\.mts/],
  ['missing.json', 1, /missing\.json' cannot be read: ENOENT/],
  ['missing.drv', 1, /missing\.drv' cannot be read: ENOENT/],
  ['missing.ts', 1, /missing\.ts/],
  [`${a}!`, 2, /names an output that is empty/],
  ['/nix/store/short', 1, /short/],
];
for (const [operand, status, message] of wrong) {
  test(`refused: ${operand}`, async () => {
    const result = await host.run('build', operand);
    assert.equal(result.status, status, result.stderr);
    assert.match(result.stderr, message);
    assert.equal(result.stdout, '');
  });
}

test('an interrupted build ends with the status of the signal', async () => {
  host.interruptStatus = 130;
  host.controller.abort();
  host.store.report = { repaired: [], exitStatus: 1, results: [] };
  assert.equal((await host.run('build', a)).status, 130);
  assert.equal(host.store.closed, 1);
});

test('every progress style', async () => {
  host.store.events = [{ type: 'build.started', drvPath: a, name: 'a', outputs: ['out'] }];
  assert.match((await host.run('build', a)).stderr, /^building '.*a\.drv'\.\.\.\n$/);
  assert.equal((await host.run('build', a, '--progress=quiet')).stderr, '');
  assert.match(
    (await host.run('build', a, '--progress', 'json')).stderr,
    /^\{"v":1,"t":\d+,"type":"build\.started"/,
  );
  assert.equal((await host.run('build', a, '--progress', 'fancy')).status, 2);
});

test('check: rounds and what came out the same; --check keeps to what is valid', async () => {
  const outputs = [
    { name: 'dev', path: `${out}-dev`, narHash: 'sha256-x', kept: `${out}-dev.check` },
    { name: 'out', path: out, narHash: 'sha256-y' },
  ];
  const result = { drvPath: a, status: 'NotDeterministic' as const, outputs, rounds: [] };
  host.store.checkReport = { results: [result], exitStatus: 104 };
  const { status, stdout } = await host.run('check', '--rounds', '3', a);
  assert.equal(status, 104);
  assert.deepEqual(host.store.checking, {
    rounds: 3,
    buildMissing: true,
    vary: [],
    diffoscope: 'if-installed',
  });
  assert.equal(stdout, `${out}\n`);

  assert.equal((await host.run('build', '--check', a)).status, 104);
  assert.deepEqual(host.store.checking, { rounds: 1, buildMissing: false, vary: [], diffoscope: false });
  assert.deepEqual(host.store.built, [{ kind: 'outputs', drvPath: a, outputs: 'all' }]);
});

test('checking and repairing at once is refused, and neither is done', async () => {
  host.store.built.length = 0;
  for (const flags of [
    ['--check', '--repair'],
    ['--repair', '--check', '--dry-run'],
  ]) {
    const { status, stderr } = await host.run('build', ...flags, a);
    assert.equal(status, 2);
    assert.match(stderr, /--check and --repair cannot be had at once/);
  }
  assert.deepEqual(host.store.built, []);
});

test('check: a number of rounds that is none', async () => {
  for (const rounds of ['0', '-1', '1e9', 'many', '', '1000000']) {
    const { status, stderr } = await host.run('check', `--rounds=${rounds}`, a);
    assert.equal(status, 2, rounds);
    assert.match(stderr, /--rounds takes a number of rebuilds from 1 to 999999/);
  }
});

test('check: what to vary', async () => {
  await host.run('check', '--vary', 'umask,locale', '--diffoscope', a);
  assert.deepEqual(host.store.checking?.vary, ['umask', 'locale']);
  assert.equal(host.store.checking?.diffoscope, true);
  await host.run('check', '--no-diffoscope', a);
  assert.equal(host.store.checking?.diffoscope, false);
  await host.run('check', '--vary', 'all', a);
  assert.ok(host.store.checking?.vary.includes('directory-order'));
  assert.ok(!host.store.checking?.vary.includes('none'));
  const everything = host.store.checking?.vary;
  await host.run('check', '--vary', 'all,umask', a);
  assert.deepEqual(host.store.checking?.vary, everything);
  await host.run('check', '--vary', 'locale,umask,locale', a);
  assert.deepEqual(host.store.checking?.vary, ['umask', 'locale']);
  for (const [list, word] of [
    ['umask,moon', 'moon'],
    ['', ''],
    ['umask,', ''],
  ] as const) {
    const { status, stderr } = await host.run('check', '--vary', list, a);
    assert.equal(status, 2, list);
    assert.match(stderr, new RegExp(`--vary knows no '${word}'`));
  }
});

test('check: what to vary, named twice, beside all, or not at all', async () => {
  await host.run('check', '--vary', 'umask,umask', a);
  assert.deepEqual(host.store.checking?.vary, ['umask']);
  await host.run('check', '--vary', 'umask,all', a);
  assert.ok(host.store.checking?.vary.includes('directory-order'));
  for (const list of ['', 'umask,', 'all,moon']) {
    const { status, stderr } = await host.run('check', `--vary=${list}`, a);
    assert.equal(status, 2, list);
    assert.match(stderr, /--vary knows no /);
  }
});

test('check: what a later day cannot reach is said, once', async () => {
  const round = {
    varied: ['later-day'] as const,
    notVaried: [],
    partlyVaried: [
      { variation: 'later-day' as const, what: 'changes the clock of dynamically linked programs only' },
    ],
    outcome: 'same' as const,
    differing: [],
    startTime: 1,
    stopTime: 2,
  };
  const same = { drvPath: a, status: 'Same' as const, outputs: [], rounds: [round, round] };
  host.store.checkReport = { results: [same, { ...same, drvPath: b }], exitStatus: 0 };
  const { stderr } = await host.run('check', '--vary', 'later-day', a, b);
  assert.equal(stderr.match(/^note: later-day .* dynamically linked programs only$/gm)?.length, 1, stderr);
  const why = 'there is no clock';
  const without = { ...round, notVaried: [{ variation: 'later-day' as const, why }], partlyVaried: [] };
  host.store.checkReport = { results: [{ ...same, rounds: [without] }], exitStatus: 0 };
  assert.doesNotMatch((await host.run('check', '--vary', 'later-day', a)).stderr, /dynamically/);
});
