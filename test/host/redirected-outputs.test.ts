import assert from 'node:assert/strict';
import { closeSync, createReadStream, lstatSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { makeScratchPath } from '../../ts/formats/make-store-path.js';
import { outputPlaceholder } from '../../ts/formats/placeholder.js';
import { parseStorePath } from '../../ts/formats/store-path.js';
import { type BuildResult, type DerivationValue, openStore, type Store } from '../../ts/index.js';
import { native } from '../../ts/native.js';
import { requires } from '../support/requires.js';
import { buildLogged, leftoversIn, scriptDerivation } from '../support/scripts.js';
import { temporaryDirectory } from '../support/temporary.js';

// Builds outside the sandbox of derivations of which some outputs are valid: these may not be touched, and what is made
// beside them must be what a sandbox would have given.
const needs = requires('user-namespaces', 'program:busybox');
const directory = temporaryDirectory('redirected');
const storeDir = join(directory, 'in-place', 'store');
process.env['NIX_STORE_DIR'] = storeDir;

const settings = { 'sandbox-paths': ['/bin/busybox'] };
const openInPlace = () => openStore({ settings: { ...settings, sandbox: false } });
const openSealed = () =>
  openStore({ settings, store: `local?root=${join(directory, 'root')}&store=${storeDir}` });

let names = 0;
function script(text: string, more: Readonly<Record<string, unknown>> = {}): DerivationValue {
  const name = `redirected-${++names}`;
  return scriptDerivation(name, `set -eu\n${text}`, { outputs: ['out', 'dev', 'lib'], ...more });
}

/** Every output names itself and those made before it: in contents, across buffers, in a target and in a file's name. */
const everywhere = `
  echo "$dev"
  for path in $dev $lib $out; do
    before="\${before:-} $path"
    bb mkdir $path
    echo "$before" > $path/text
    bb head -c 131050 /dev/zero > $path/large
    echo "$before" >> $path/large
    for to in $before; do
      bb ln -s $to/text $path/to-\${to##*-}
      echo named > $path/for-\${to##*/}
    done
  done
  bb chmod 755 $out/text`;

/** Makes a path valid in one store as it is in another. */
async function copyPath(from: Store, to: Store, path: string): Promise<void> {
  const nar = join(directory, 'nar');
  const fd = openSync(nar, 'w');
  await native.dumpTree(from.local.realPath(path), fd);
  closeSync(fd);
  await to.local.addNar({ info: from.local.pathInfo(path)!, source: createReadStream(nar) });
}

/** Makes some path valid that a build would make. */
async function makeValid(store: Store, path: string): Promise<void> {
  const source = join(directory, 'made-elsewhere');
  writeFileSync(source, 'made elsewhere');
  const { hash, narSize } = await native.hashTree(source, []);
  const narHash = { algorithm: 'sha256', hex: hash } as const;
  await store.local.registerOutputs([{ path, source, narHash, narSize, references: [] }]);
}

function factsOf(store: Store, { outputs }: BuildResult): unknown {
  return Object.values(outputs).map((path) => {
    const { narHash, narSize, references } = store.local.pathInfo(path)!;
    return { path, narHash, narSize, references };
  });
}

for (const valid of [[], ['dev'], ['dev', 'lib']]) {
  const beside = valid.length === 0 ? 'nothing' : valid.join(' and ');
  test(`what is made outside the sandbox beside ${beside} is what a sandbox gives`, needs, async () => {
    const wanted = script(everywhere);
    await using sealed = await openSealed();
    const expected = await buildLogged(sealed, wanted);
    assert.equal(expected.error, undefined);

    await using inPlace = await openInPlace();
    for (const name of valid) await copyPath(sealed, inPlace, expected.outputs[name]!);
    const before = valid.map((name) => lstatSync(expected.outputs[name]!).ctimeMs);
    const built = await buildLogged(inPlace, wanted);
    assert.equal(built.error, undefined);
    assert.equal(built.isolation?.backend, 'none');

    assert.deepEqual(factsOf(inPlace, built), factsOf(sealed, expected));
    for (const path of Object.values(built.outputs)) {
      const { hash } = await native.hashTree(path, []);
      assert.equal(hash, inPlace.local.pathInfo(path)!.narHash.hex);
    }
    assert.deepEqual(
      valid.map((name) => lstatSync(expected.outputs[name]!).ctimeMs),
      before,
    );
    const path = expected.outputs['dev']!;
    const told = valid.length === 0 ? path : makeScratchPath(storeDir, { drvPath: wanted.drvPath, path });
    assert.equal(built.log, `${told}\n`);
    assert.deepEqual(leftoversIn(inPlace), []);
  });
}

test('all that a builder is told names the other path; nothing stays of one that fails', needs, async () => {
  const placeholder = outputPlaceholder('dev');
  const wanted = script('echo "$dev $inText $(bb cat $inFilePath)"; bb mkdir $out $dev; exit 3', {
    inText: placeholder,
    inFile: placeholder,
    passAsFile: ['inFile'],
  });
  const path = wanted.outputs['dev']!.outPath;
  await using inPlace = await openInPlace();
  await makeValid(inPlace, path);
  const { log, error } = await buildLogged(inPlace, wanted);
  const told = makeScratchPath(storeDir, { drvPath: wanted.drvPath, path });
  assert.equal(log, `${told} ${told} ${told}\n`);
  assert.equal(error?.code, 'ERR_BUILD_FAILED');
  assert.deepEqual(leftoversIn(inPlace), []);
  assert.equal(readFileSync(path, 'utf8'), 'made elsewhere');
});

test(
  'a check outside the sandbox makes every output at another path, and compares what it comes to',
  needs,
  async () => {
    await using inPlace = await openInPlace();
    const sound = script(everywhere);
    assert.equal((await buildLogged(inPlace, sound)).error, undefined);
    const run = inPlace.check([sound]);
    let log = '';
    for await (const event of run) if (event.type === 'build.log') log += Buffer.from(event.chunk).toString();
    assert.equal((await run.result).results[0]!.status, 'Same');
    const path = sound.outputs['dev']!.outPath;
    assert.equal(log, `${makeScratchPath(storeDir, { drvPath: sound.drvPath, path })}\n`);
    assert.deepEqual(leftoversIn(inPlace), []);

    const random = script(
      'bb mkdir $lib; echo "$out" > $dev; bb cat /proc/sys/kernel/random/uuid $dev > $out',
    );
    assert.equal((await buildLogged(inPlace, random)).error, undefined);
    const [checked] = (await inPlace.check([random]).result).results;
    assert.equal(checked!.status, 'NotDeterministic');
    assert.deepEqual(leftoversIn(inPlace), [`${basename(`${random}`)}.check`]);
    assert.equal(readFileSync(`${random}.check`, 'utf8').split('\n')[1], `${random}`);
    await native.removeTree(`${random}.check`);
  },
);

test('an output that names the other path even after it has been replaced is refused', needs, async () => {
  const text = `
    hash=\${dev#${storeDir}/}
    hash=\${hash%%-*}
    echo "$hash\${hash#?}" > $out
    echo > $lib`;
  // What is put in ends with the first character of what it replaces: with the rest of that behind it, it is there again.
  const hashPart = (path: string) => parseStorePath(storeDir, path).hashPart;
  let wanted: DerivationValue;
  let path: string;
  do {
    wanted = script(text);
    path = wanted.outputs['dev']!.outPath;
  } while (
    !hashPart(path).endsWith(hashPart(makeScratchPath(storeDir, { drvPath: wanted.drvPath, path }))[0]!)
  );
  await using inPlace = await openInPlace();
  await makeValid(inPlace, path);
  const { error } = await buildLogged(inPlace, wanted);
  assert.equal(error?.code, 'ERR_OUTPUT_REJECTED');
  assert.match(error.message, /^output 'out' of .* still names '.*-dev', where nothing will be/);
  assert.deepEqual(leftoversIn(inPlace), []);
});
