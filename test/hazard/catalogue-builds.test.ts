import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { after, before, test } from 'node:test';
import { type DerivationValue, openStore, type Store } from '../../ts/index.js';
import { native } from '../../ts/native.js';
import { compileFixture } from '../support/compile.js';
import { goneWithin } from '../support/processes.js';
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

test('F12: an output renamed away and made anew is the new one', needs, async () => {
  const path = await built('renamed', 'echo old > $out; bb mv $out /build/old; echo new > $out');
  assert.equal(readFileSync(path, 'utf8'), 'new\n');
});

test('I1: a builder that kills everything kills its build alone', needs, async () => {
  const bystander = execFileSync('sh', ['-c', 'sleep 60 >&- 2>&- & echo $!'], { encoding: 'utf8' }).trim();
  const { error } = await build(scriptDerivation('killer', 'bb kill -9 -1; echo > $out'));
  assert.equal(error?.code, 'ERR_BUILD_FAILED');
  assert.ok(process.kill(Number(bystander), 0));
  process.kill(Number(bystander), 'SIGKILL');
});

test('I6: a build ends with its builder, whoever holds the log open', needs, async () => {
  const marker = `holder-${process.pid}`;
  const path = await built(
    'holder',
    `bb setsid /bin/busybox sh -c ': ${marker}; sleep 1000' & echo done > $out`,
  );
  assert.equal(readFileSync(path, 'utf8'), 'done\n');
  assert.ok(await goneWithin(marker, 0));
});

test('I7: a builder that stops itself is timed out', needs, async () => {
  const impatient = await openStore({
    store: join(directory, 'root'),
    settings: { 'sandbox-paths': ['/bin/busybox'], timeout: 1 },
  });
  const { results } = await impatient.build([scriptDerivation('stopped', 'bb kill -STOP $$; echo > $out')])
    .result;
  await impatient.close();
  assert.equal(results[0]?.status, 'TimedOut');
});

test('I8: a builder that adopts its orphans leaves none', needs, async () => {
  const marker = `adopted-${process.pid}`;
  await built('adopter', `/hostile adopt ${marker} && echo > $out`);
  assert.ok(await goneWithin(marker, 0));
});

test('N11: the network looks the same to every build', needs, async () => {
  const look = 'bb hostname > $out; bb ifconfig lo >> $out; bb cat /etc/hosts /etc/passwd /etc/group >> $out';
  const [first, second] = [await built('network-1', look), await built('network-2', look)];
  const text = readFileSync(first, 'utf8');
  assert.match(text, /^localhost\nlo /);
  assert.equal(readFileSync(second, 'utf8'), text);
});

test('U4: a set-id program gives nobody anything', withSetId, async () => {
  assert.ok(lstatSync(setIdProgram!).mode & 0o4000, 'the control: outside it would be more than its caller');
  // A program that is secure hides what LD_SHOW_AUXV asks the loader to show; this one is not, it runs as its caller.
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

test('X10: shared memory has an end', needs, async () => {
  const small = await openStore({
    store: join(directory, 'root'),
    settings: { 'sandbox-paths': ['/bin/busybox'], 'sandbox-dev-shm-size': '1m' },
  });
  const { results } = await small.build([
    scriptDerivation('shm', '! bb head -c 2m /dev/zero > /dev/shm/x && bb wc -c < /dev/shm/x > $out'),
  ]).result;
  assert.equal(results[0]?.error, undefined);
  assert.equal(readFileSync(small.local.realPath(results[0]!.outputs['out']!), 'utf8'), `${2 ** 20}\n`);
  await small.close();
});

test('O2: modes come down to two', needs, async () => {
  const path = await built(
    'modes',
    `bb mkdir $out; cd $out; for mode in 0 1 111 222 444 600 644 666 700 755 777 1755 1777; do
       echo > f$mode; bb chmod $mode f$mode; bb mkdir d$mode; bb chmod $mode d$mode; done`,
  );
  assert.equal(lstatSync(path).mode & 0o7777, 0o555);
  for (const name of readdirSync(path)) {
    const executable = name.startsWith('d') || Number.parseInt(name.slice(1), 8) & 0o100;
    assert.equal(lstatSync(join(path, name)).mode & 0o7777, executable ? 0o555 : 0o444, name);
  }
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

test('O6: names that differ in case are two', needs, async () => {
  const path = await built(
    'cases',
    'bb mkdir $out; echo 1 > $out/a; echo 2 > $out/A; echo 3 > "$out/a~nix~case~hack~1"',
  );
  assert.deepEqual(readdirSync(path).sort(), ['A', 'a', 'a~nix~case~hack~1']);
});

test('O7: files linked within an output are files', needs, async () => {
  const linked = await built(
    'linked',
    'bb mkdir $out; echo x > $out/a; bb ln $out/a $out/b; bb ln $out/a /nix/store/c',
  );
  const apart = await built('apart', 'bb mkdir $out; echo x > $out/a; echo x > $out/b');
  const hashes = [await native.hashTree(linked, []), await native.hashTree(apart, [])];
  assert.equal(hashes[0]!.hash, hashes[1]!.hash);
});

test('O9: what its maker may not read is read', needs, async () => {
  const path = await built(
    'closed',
    'bb mkdir -p $out/d; echo x > $out/d/f; bb chmod 0 $out/d/f $out/d $out',
  );
  assert.equal(readFileSync(join(path, 'd', 'f'), 'utf8'), 'x\n');
});

test('O11: every time is 1', needs, async () => {
  const path = await built(
    'times',
    'bb mkdir $out; echo > $out/f; bb ln -s nowhere $out/l; bb touch -d 2038-01-19 $out/f',
  );
  for (const name of ['', 'f', 'l']) assert.equal(lstatSync(join(path, name)).mtimeMs, 1000, name);
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
});

test('O14: outputs have no attributes', needs, async () => {
  const path = await built('attributes', '/hostile attach $out; echo > $out');
  assert.equal(execFileSync(probe, ['attributes', path], { encoding: 'utf8' }), '');
});

test('O15: an output under a mount of the builder is none', needs, async () => {
  const { error, status } = await build(
    scriptDerivation(
      'covered',
      `bb mkdir /build/x
       bb unshare -U -r -m /bin/busybox sh -c '/bin/busybox mount -t tmpfs none /nix/store && echo > $out && echo made'`,
    ),
  );
  assert.notEqual(error, undefined);
  assert.notEqual(status, 'Built');
});

test('L4: the clock is the machine’s, and stays', needs, async () => {
  const start = Math.floor(Date.now() / 1000);
  const path = await built('clock', 'bb date -s 2001-01-01; bb date +%s > $out');
  const seconds = Number(readFileSync(path, 'utf8'));
  assert.ok(seconds >= start && seconds <= Date.now() / 1000);
});
