import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { derivation, openStore } from '../../ts/index.js';
import { type Refusal, Refusals } from '../support/refusals.js';
import { requires } from '../support/requires.js';

// What a derivation, a setting or a command can ask for that makes no sense: one clear error each, and nothing lost.
const refusals = new Refusals('bad-attributes');
const { root, work } = refusals;
const needs = requires('user-namespaces', 'program:busybox');
let number = 0;
const main = fileURLToPath(new URL('../../ts/main.js', import.meta.url));
const working = { args: ['sh', '-c', 'echo > $out'] };
const hash = '2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824';
const fixed = { outputHashAlgo: 'sha256', outputHash: hash } as const;
const structured = { __structuredAttrs: true };
const floating = { __contentAddressed: true, outputHashAlgo: 'sha256', outputHashMode: 'recursive' } as const;
const nowhere = `/nix/store/${'0'.repeat(32)}-x`;

/** By what is wrong: the attributes, and the words of the error. */
const attributes: Readonly<Record<string, readonly [attributes: object, error: RegExp]>> = {
  'no outputs': [{ outputs: [] }, /outputs .* cannot be an empty list/],
  'an output twice': [{ outputs: ['out', 'out'] }, /have 'out' twice/],
  'an output that would be the derivation': [{ outputs: ['drv'] }, /an output called 'drv'/],
  'an output whose name is a path': [{ outputs: ['a/b'] }, /'a\/b' cannot be the name/],
  'a hash for two outputs': [{ ...fixed, outputs: ['out', 'dev'] }, /has one output, called `out`/],
  'a hash that is none': [{ ...fixed, outputHash: 'none' }, /'none' is not a hash/],
  'an algorithm that is none': [{ ...fixed, outputHashAlgo: 'crc' }, /'crc' is none of md5/],
  'a mode that is none': [{ ...fixed, outputHashMode: 'odd' }, /outputHashMode is 'odd'/],
  'content-addressed and impure': [{ ...floating, __impure: true }, /cannot be both/],
  'a content-addressed output': [floating, /asks for outputs whose paths depend on their content/],
  'an impure output': [{ __impure: true }, /asks for impure outputs/],
  'structured attributes that are no JSON': [
    { __json: '{' },
    /cannot process __json attribute of 'x': __json is not JSON: byte 1/,
  ],
  'structured attributes that are a list': [
    { __json: '[]' },
    /'__json' of derivation x must be a JSON object/,
  ],
  'an odd list of graphs': [
    { exportReferencesGraph: ['one'] },
    /odd number of tokens in 'exportReferencesGraph': 'one'/,
  ],
  'a graph of no path': [
    { exportReferencesGraph: ['one', '/etc'] },
    /'exportReferencesGraph' contains a non-store path '\/etc'/,
  ],
  'a graph of the store': [
    { exportReferencesGraph: ['one', '/nix/store'] },
    /contains a non-store path '\/nix\/store'/,
  ],
  'a graph of what is no input': [{ exportReferencesGraph: ['one', nowhere] }, /not in the input closure/],
  'a graph in a directory': [{ exportReferencesGraph: ['a/b', nowhere] }, /invalid file name 'a\/b'/],
  'a graph above': [{ exportReferencesGraph: ['..', nowhere] }, /invalid file name '\.\.'/],
  'a list of graphs among structured attributes': [
    { ...structured, exportReferencesGraph: ['one', nowhere] },
    /'exportReferencesGraph' of derivation x must be an object/,
  ],
  'a graph of a number': [
    { ...structured, exportReferencesGraph: { one: [5] } },
    /'exportReferencesGraph\.one' of derivation x must be a string/,
  ],
  'rules that are a word': [{ ...structured, outputChecks: 'x' }, /'outputChecks' of derivation x must be/],
  'rules that are a number': [{ ...structured, outputChecks: { out: 5 } }, /'outputChecks\.out' .* must be/],
  'a negative size': [
    { ...structured, outputChecks: { out: { maxSize: -1 } } },
    /'outputChecks\.out\.maxSize' of derivation x must be a number of bytes/,
  ],
  'a rule that is a word': [
    { ...structured, outputChecks: { out: { allowedReferences: 'x' } } },
    /allowedReferences' of derivation x must be a list/,
  ],
  'a rule for an unknown output': [
    { ...structured, outputChecks: { out: { allowedReferences: ['none'] } } },
    /illegal reference specifier 'none' in 'allowedReferences' of output 'out'/,
  ],
  'another rule for an unknown output': [
    { allowedReferences: ['none'] },
    /illegal reference specifier 'none'/,
  ],
  'a rule for what is in no store': [
    { disallowedReferences: ['/etc'] },
    /illegal reference specifier '\/etc'/,
  ],
  'references to be discarded that are a number': [
    { ...structured, unsafeDiscardReferences: 5 },
    /'unsafeDiscardReferences' of derivation x must be an object/,
  ],
};
for (const [what, [more, error]] of Object.entries(attributes)) {
  test(what, needs, async () => {
    const file = refusals.moduleFile(`attributes-${++number}`, { ...working, ...more });
    await refusals.expectHere({ argv: ['build', file], status: 1, error });
  });
}

test('attributes that nobody knows are for the builder', needs, async () => {
  await using store = await openStore({ store: root, settings: { 'sandbox-paths': ['/bin/busybox'] } });
  const more = { frobnicate: 'yes', passAsFile: ['absent'], impureEnvVars: ['A B', '='] };
  const value = derivation({
    ...{ name: 'unknown', system: 'x86_64-linux', builder: '/bin/busybox' },
    ...{ args: ['sh', '-c', 'echo $frobnicate > $out'], ...more },
  });
  assert.equal((await store.build([value]).result).exitStatus, 0);
  assert.equal(readFileSync(store.local.realPath(value.outPath), 'utf8'), 'yes\n');
});

const limits: Readonly<Record<string, readonly string[]>> = {
  ...Object.fromEntries(
    [
      'timeout',
      'max-silent-time',
      'cores',
      'max-jobs',
      'log-lines',
      'build-termination-grace',
      'max-build-log-size',
    ]
      .concat(['pre-build-hook-timeout', 'post-build-hook-timeout', 'build-memory-max', 'build-pids-max'])
      .map((name) => [`a negative ${name}`, [name, '-1']]),
  ),
  'a limit that is no whole number': ['timeout', '1.5'],
  'a limit with an exponent': ['timeout', '1e3'],
  'a limit beyond all numbers': ['max-silent-time', '9'.repeat(20)],
};
for (const [what, [name, value]] of Object.entries(limits)) {
  test(what, async () => {
    const file = refusals.moduleFile(`limits-${++number}`, working);
    const error = new RegExp(`setting '${name}' cannot be '${value}': it is a `);
    await refusals.expectHere({ argv: ['build', file, '--option', name!, value!], status: 2, error });
  });
}

const absent = join(work, 'absent');
const hooks: Readonly<Record<string, Omit<Refusal, 'argv'> & { options: Readonly<Record<string, string>> }>> =
  {
    'a pre-build hook that does not exist': {
      options: { 'pre-build-hook': absent },
      ...{ status: 1, error: /the pre-build hook '.*absent' does not exist/, hint: /`pre-build-hook`/ },
    },
    'a pre-build hook without a directory': {
      options: { 'pre-build-hook': 'absent' },
      ...{ status: 2, error: /'pre-build-hook' is not an absolute path: 'absent'/ },
    },
    'a post-build hook in a directory of nobody knows where': {
      options: { 'post-build-hook': './absent' },
      ...{ status: 2, error: /'post-build-hook' is neither an absolute path nor a name/ },
    },
    'a diff hook without a directory': {
      options: { 'diff-hook': 'absent', 'run-diff-hook': 'true' },
      ...{ status: 2, error: /'diff-hook' is not an absolute path/ },
    },
  };
for (const [what, { options, ...refusal }] of Object.entries(hooks)) {
  test(what, needs, async () => {
    const flags = Object.entries(options).flatMap(([name, value]) => ['--option', name, value]);
    await refusals.expectHere({
      argv: ['build', refusals.moduleFile(`hooks-${++number}`, working), ...flags],
      ...refusal,
    });
  });
}

/** In the store of the test, as `build` is run in it. */
const inStore = ['--store', root];
const environment = { PATH: process.env['PATH'], HOME: refusals.directory, NIX_CONF_DIR: refusals.directory };

async function instantiate(more: object): Promise<string> {
  await using store = await openStore({ store: root });
  const all = { name: 'x', system: 'x86_64-linux', builder: '/bin/busybox', ...more };
  return await store.instantiate(derivation(all));
}

function run(argv: readonly string[]) {
  return spawnSync(process.execPath, [main, ...argv], { encoding: 'utf8', env: environment });
}

for (const verb of ['build', 'check', 'repair']) {
  test(`${verb}: an output that there is not`, needs, async () => {
    const drvPath = await instantiate({ ...working, name: 'single' });
    await refusals.expectHere({
      argv: [verb, `${drvPath}!none`, ...(verb === 'build' ? [] : inStore)],
      ...{ status: 1, error: /has no output 'none'/, hint: /Its outputs are: out/ },
    });
  });

  test(`${verb}: outputs whose paths nobody knows`, needs, async () => {
    for (const [more, error] of [
      [floating, /whose paths depend on their content/],
      [{ __impure: true }, /impure outputs/],
    ] as const) {
      const drvPath = await instantiate({ ...working, ...more, name: 'unknown-path' });
      await refusals.expectHere({
        argv: [verb, drvPath, ...(verb === 'build' ? [] : inStore)],
        status: 1,
        error,
      });
    }
  });
}

test('a derivation whose path depends on the content of an input: told, as is the input', needs, async () => {
  const base = { system: 'x86_64-linux', builder: '/bin/busybox', ...working };
  const dep = derivation({ ...base, ...floating, name: 'floating' });
  const deferred = derivation({ ...base, name: 'deferred', dep });
  await using store = await openStore({ store: root, settings: { 'sandbox-paths': ['/bin/busybox'] } });
  const before = [...store.local.validPaths()];
  const { exitStatus, results } = await store.build([deferred]).result;
  assert.equal(exitStatus, 1);
  assert.equal(results[0]?.error?.code, 'ERR_UNSUPPORTED');
  assert.match(results[0]!.error!.message, /paths depend on the content of inputs/);
  const made = [...store.local.validPaths()].filter((path) => !before.includes(path));
  assert.deepEqual(
    made.sort(),
    [dep.drvPath, deferred.drvPath].sort(),
    'what is to be built, and nothing else',
  );
});

test('what cannot be built is printed', needs, async () => {
  for (const more of [floating, { __impure: true }]) {
    const drvPath = await instantiate({ ...working, ...more, name: 'printed' });
    const shown = run(['show-derivation', drvPath, ...inStore]);
    assert.equal(shown.status, 0, shown.stderr);
    assert.match(shown.stdout, /"hashAlgo": "sha256"/);
  }
  const base = { system: 'x86_64-linux', builder: '/bin/busybox', ...working };
  const dep = derivation({ ...base, ...floating, name: 'printed-floating' });
  const deferred = await instantiate({ ...working, name: 'printed-deferred', dep });
  const shown = run(['show-derivation', deferred, ...inStore]);
  assert.equal(shown.status, 0, shown.stderr);
  assert.match(shown.stdout, /"out": \{\}/);
  assert.ok(shown.stdout.includes('-printed-floating.drv'), shown.stdout);
});

test('an input that a build has yet to make the derivation of', needs, async () => {
  const maker = await instantiate({ ...working, name: 'maker' });
  const file = join(work, 'dynamic.drv');
  const inputs = `[("${maker}",([],[("out",["out"])]))]`;
  const builder = '"x86_64-linux","/bin/busybox",["sh","-c","true"],[("name","dynamic"),("out","")]';
  writeFileSync(file, `DrvWithVersion("xp-dyn-drv",[("out","","","")],${inputs},[],${builder})`);
  await refusals.expectHere({
    argv: ['build', file],
    ...{ status: 1, error: /asks for .*an input that a build has yet to make the derivation of/ },
  });
  await using store = await openStore({ store: root });
  const added = [...store.local.validPaths()].find((path) => path.endsWith('-dynamic.drv'))!;
  const shown = run(['show-derivation', added, ...inStore]);
  assert.equal(shown.status, 0, shown.stderr);
  assert.match(shown.stdout, /"dynamicOutputs": \{\s*"out": \{/);
});

test('repairing what nothing knows how to make, and checking it', needs, async () => {
  let path: string;
  {
    await using store = await openStore({ store: root });
    path = await store.local.addText({ name: 'text', contents: 'right\n', references: [] });
    const real = store.local.realPath(path);
    chmodSync(real, 0o644);
    writeFileSync(real, 'wrong\n');
    chmodSync(real, 0o444);
  }
  await refusals.expectHere({
    argv: ['repair', path, ...inStore],
    ...{ status: 1, error: /cannot repair path '.*-text'/, hint: /substituters/ },
  });
  await using store = await openStore({ store: root });
  assert.equal(readFileSync(store.local.realPath(path), 'utf8'), 'wrong\n', 'what is left of it is kept');
  await refusals.expectHere({
    argv: ['check', path, ...inStore],
    ...{ status: 1, error: /no derivation in the store that makes '.*-text'/, hint: /Name the derivation/ },
  });
  for (const verb of ['repair', 'check']) {
    await refusals.expectHere({
      argv: [verb, nowhere, ...inStore],
      status: 1,
      error: /don't know how|no derivation in the store/,
    });
  }
});

test('a check while another process builds the same waits for it', needs, async () => {
  const gate = join(refusals.directory, 'gate');
  mkdirSync(gate);
  const drvPath = await instantiate({
    name: 'slow',
    args: ['sh', '-c', 'until /bin/busybox test -e /gate/open; do /bin/busybox sleep 0.1; done; echo > $out'],
  });
  const settings = ['--option', 'sandbox-paths', `/bin/busybox /gate=${gate}`];
  const building = start(['build', '--no-link', '-L', drvPath, ...inStore, ...settings]);
  await building.says("building '");
  const checking = start(['check', drvPath, ...inStore, ...settings]);
  await checking.says('waiting for lock on');
  writeFileSync(join(gate, 'open'), '');
  assert.equal(await building.exit, 0, building.said());
  assert.equal(await checking.exit, 0, checking.said());
  assert.match(checking.said(), /waiting for lock on/);
  assert.match(checking.said(), /1 the same/);
});

function start(argv: readonly string[]) {
  const child = spawn(process.execPath, [main, ...argv], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: environment,
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text) => (said += text));
  const exit = once(child, 'close').then(([status]) => status as number | null);
  /** Until it has said these words, or has ended. */
  const says = async (words: string) => {
    while (!said.includes(words) && child.exitCode === null && child.signalCode === null) await sleep(10);
  };
  return { exit, says, said: () => said };
}
