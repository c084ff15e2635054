import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { after, before, test } from 'node:test';
import { type DerivationValue, openStore, type Store } from '../../ts/index.js';
import { compileFixture } from '../support/compile.js';
import { findProgram, longForm, requires } from '../support/requires.js';
import { buildLogged, scriptDerivation } from '../support/scripts.js';
import { temporaryDirectory } from '../support/temporary.js';

// Rows of the catalogue that are about a whole build: what becomes of its processes and of what it leaves.
const needs = requires('user-namespaces', 'program:busybox', 'program:cc');
const directory = temporaryDirectory('catalogue-builds');
const setIdProgram = findProgram('su');
const withSetId = requires('user-namespaces', 'program:busybox', 'program:cc', 'program:su');
let probe: string;
let store: Store;

before(async () => {
  if (needs.skip) return;
  probe = compileFixture('hostile');
  store = await openStore({
    store: join(directory, 'root'),
    settings: {
      'sandbox-paths': [
        '/bin/busybox',
        `/hostile=${probe}`,
        ...(setIdProgram ? [`/su=${setIdProgram}`] : []),
      ],
      'max-jobs': 2,
    },
  });
});
after(() => store?.close());

const build = (wanted: DerivationValue) => buildLogged(store, wanted);

/** Host path of an output that must build. */
async function built(name: string, text: string): Promise<string> {
  const result = await build(scriptDerivation(name, text));
  assert.equal(result.error, undefined, result.log);
  return store.local.realPath(result.outputs['out']!);
}

function referencesOf(realPath: string): readonly string[] {
  return store.local.pathInfo(`${store.local.directories.storeDir}/${basename(realPath)}`)!.references;
}

test('I1: a builder that kills everything kills its build alone', needs, async () => {
  const bystander = execFileSync('sh', ['-c', 'sleep 60 >&- 2>&- & echo $!'], { encoding: 'utf8' }).trim();
  const { error } = await build(scriptDerivation('killer', 'bb kill -9 -1; echo > $out'));
  assert.equal(error?.code, 'ERR_BUILD_FAILED');
  assert.ok(process.kill(Number(bystander), 0));
  process.kill(Number(bystander), 'SIGKILL');
});

test('U4: a set-id program gives nobody anything', withSetId, async () => {
  // A program that is secure hides what LD_SHOW_AUXV asks the loader to show; this one is not, it runs as its caller.
  const { mode, uid } = lstatSync(setIdProgram!);
  assert.ok(mode & 0o4000);
  const outside = execFileSync(setIdProgram!, ['--version'], {
    encoding: 'utf8',
    env: { ...process.env, LD_SHOW_AUXV: '1' },
  });
  // For root nobody is more than its caller; in a user namespace that has no root the owner is somebody else; and a container
  // may have taken new privileges from all in it.
  const cannotGain =
    process.getuid?.() === 0 ||
    uid !== 0 ||
    /^NoNewPrivs:\s*1$/m.test(readFileSync('/proc/self/status', 'utf8'));
  assert.equal(/AT_SECURE:\s+0\b/.test(outside), cannotGain, 'the control');
  const loader = '/lib64/ld-linux-x86-64.so.2';
  const seen = await openStore({
    store: join(directory, 'root'),
    settings: { 'sandbox-paths': ['/bin/busybox', '/usr', '/lib', '/lib64', '/bin=/bin'] },
  }).catch(() => undefined);
  assert.ok(seen, loader);
  const run = seen.build([
    scriptDerivation('set-id', `LD_SHOW_AUXV=1 ${setIdProgram} --version < /dev/null; echo > $out`),
  ]);
  let log = '';
  for await (const event of run) if (event.type === 'build.log') log += Buffer.from(event.chunk).toString();
  await run.result;
  await seen.close();
  assert.match(log, /AT_SECURE:\s+0\b/);
});

test('X7: an output of very many files is registered', needs, async () => {
  const count = longForm ? 1_000_000 : 20_000;
  const path = await built('many', `bb mkdir $out; cd $out; bb seq ${count} | bb xargs /bin/busybox touch`);
  assert.equal(readdirSync(path).length, count);
});

test('O3: an abort does not wait for a file of terabytes to be hashed', needs, async () => {
  const controller = new AbortController();
  const run = store.build([scriptDerivation('sparse', 'bb truncate -s 8000G $out; echo made')], {
    signal: controller.signal,
  });
  for await (const event of run) {
    // The builder is done with this; what is left is to hash.
    if (event.type === 'build.log') setTimeout(() => controller.abort(), 1000);
  }
  const { results } = await run.result;
  assert.equal(results[0]?.status, 'Cancelled', results[0]?.error?.message);
});

for (const [rule, what] of [
  ['maxSize', 'path'],
  ['maxClosureSize', 'closure of path'],
] as const) {
  test(`O3: a file of terabytes is refused by \`${rule}\` without being read`, needs, async () => {
    const out = '/1rz4g4znpzjwh1xymhjpm42vipw92pr73vdgl6xs1hycac8kf2n9'; // as builtins.placeholder has it
    const wanted = scriptDerivation(rule, `bb mkdir ${out}; bb truncate -s 8000G ${out}/file`, {
      __structuredAttrs: true,
      outputChecks: { out: { [rule]: 1000 } },
    });
    // Hours, if it were read.
    const { status, error } = await build(wanted);
    assert.equal(status, 'OutputRejected');
    // The file, and 280 bytes for what is around it.
    const message = `${what} '${wanted}' is too large at ${8000 * 2 ** 30 + 280} bytes; limit is 1000 bytes`;
    assert.equal(error?.message, message);
    assert.match(error.hint, new RegExp(`sets '${rule}' of output 'out'`));
  });
}

test('O4: names of 255 bytes are kept', needs, async () => {
  const name = 'n'.repeat(255);
  const path = await built('names', `bb mkdir -p $out/${name}; echo > $out/${name}/${name}`);
  assert.deepEqual(readdirSync(join(path, name)), [name]);
});

test('O12: references are found wherever they lie in contents and targets', needs, async () => {
  const input = scriptDerivation('input', 'echo > $out');
  const hashPart = basename(`${input}`).slice(0, 32);
  const found: Readonly<Record<string, string>> = {
    contents: `echo ${hashPart} > $out`,
    name: `bb mkdir $out; echo > $out/${hashPart}`,
    target: `bb ln -s /x-${hashPart}-y $out`,
    // One byte more before it in each file, around the borders of any block of a power of two.
    borders: `bb mkdir $out; for before in $(bb seq 65500 65540); do
      { bb head -c $before /dev/zero; echo ${hashPart}; } > $out/$before; done`,
  };
  for (const [name, text] of Object.entries(found)) {
    const path = await built(`found-${name}`, `: ${input}; ${text}`);
    assert.deepEqual(referencesOf(path), [`${input}`], name);
  }
  const wide = [...hashPart].map((letter) => `${letter}\\0`).join('');
  assert.deepEqual(referencesOf(await built('wide', `: ${input}; printf '${wide}' > $out`)), []);
});

test('O12: outputs that refer to one another in a circle are refused', needs, async () => {
  const { error } = await build(
    scriptDerivation('circle', 'echo $other > $out; echo $out > $other', { outputs: ['out', 'other'] }),
  );
  assert.match(error?.message ?? '', /cycle/);
});

test('O13: what is asked of references is never ignored', needs, async () => {
  const other = scriptDerivation('other', 'echo > $out');
  for (const rule of [{ allowedRequisites: [] }, { disallowedReferences: [`${other}`] }]) {
    const { error, status } = await build(scriptDerivation('asked', `echo ${other} > $out`, rule));
    assert.match(error?.message ?? '', /is not allowed to refer to the following paths/);
    assert.equal(status, 'OutputRejected');
  }
  assert.deepEqual(referencesOf(await built('unasked', `echo ${other} > $out`)), [`${other}`], 'the control');
});
