import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { refuseToOverwrite } from '../../ts/build/sealing.js';
import { type BuildResult, type DerivationValue, derivation, openStore } from '../../ts/index.js';
import { fixedContent, fixedScript } from '../support/fixed-script.js';
import { goneWithin } from '../support/processes.js';
import { requires } from '../support/requires.js';
import { temporaryDirectory } from '../support/temporary.js';

// `sandbox = true | relaxed | false`, in a store whose files lie where its paths say, and in one below a root.
const needs = requires('user-namespaces', 'program:busybox');
const directory = temporaryDirectory('sandbox-modes');
const storeDir = join(directory, 'in-place', 'store');
process.env['NIX_STORE_DIR'] = storeDir;
const secret = join(directory, 'secret');
writeFileSync(secret, 'on the host');

let names = 0;
/** Tells whether it sees a file of the host. */
function script(text: string, more: Readonly<Record<string, unknown>> = {}): DerivationValue {
  return derivation({
    name: `mode-${++names}`,
    system: process.arch === 'arm64' ? 'aarch64-linux' : 'x86_64-linux',
    builder: '/bin/busybox',
    args: ['sh', '-euc', `bb() { /bin/busybox "$@"; }\n${text}`],
    ...more,
  } as Parameters<typeof derivation>[0]);
}
const look = `if bb test -e ${secret}; then echo seen; else echo unseen; fi > $out`;
const lookFixed = `bb test -e ${secret} && echo seen || echo unseen`;

interface Built {
  readonly result: BuildResult;
  readonly log: string;
  readonly content: string | undefined;
}

async function buildIn(
  where: 'in place' | 'below a root',
  sandbox: boolean | 'relaxed',
  wanted: DerivationValue,
): Promise<Built> {
  const settings = { sandbox, 'sandbox-paths': ['/bin/busybox'], 'fixed-output-network': 'host' };
  const root = join(directory, 'root');
  const store = await openStore(
    where === 'in place' ? { settings } : { settings, store: `local?root=${root}&store=${storeDir}` },
  );
  try {
    const run = store.build([wanted]);
    let log = '';
    for await (const event of run) if (event.type === 'build.log') log += Buffer.from(event.chunk).toString();
    const result = (await run.result).results[0]!;
    const path = result.outputs['out'];
    const content = path === undefined ? undefined : readFileSync(store.local.realPath(path), 'utf8');
    return { result, log, content };
  } finally {
    await store.close();
  }
}

/** What lies in the store directory by the name of a derivation, but for its file and the lock of its output. */
function leftBy(value: DerivationValue): string[] {
  return readdirSync(storeDir).filter((name) => {
    return name.includes(`-${value['name']}`) && !name.endsWith('.drv') && !name.endsWith('.lock');
  });
}

test('`true` seals everything and refuses __noChroot as Nix does', needs, async () => {
  assert.equal((await buildIn('in place', true, script(look))).content, 'unseen\n');
  const fixed = await buildIn('in place', true, fixedScript(lookFixed));
  assert.equal(fixed.log, 'unseen\n');
  const open = script(look, { __noChroot: true });
  const { error } = (await buildIn('in place', true, open)).result;
  assert.equal(error?.code, 'ERR_SANDBOX_REQUIRED');
  assert.equal(
    error.message,
    `derivation '${open.drvPath}' has '__noChroot' set, but that's not allowed when 'sandbox' is 'true'`,
  );
});

test('`relaxed` leaves out __noChroot and fixed outputs, as Nix does, and nothing else', needs, async () => {
  const sealed = await buildIn('in place', 'relaxed', script(look));
  assert.equal(sealed.content, 'unseen\n');
  assert.equal(sealed.result.isolation?.backend, 'linux-namespaces');
  const open = await buildIn('in place', 'relaxed', script(look, { __noChroot: true }));
  assert.equal(open.content, 'seen\n');
  assert.equal(open.result.isolation?.backend, 'none');
  assert.match(open.result.isolation.shortfalls.join(' '), /not isolated at all/);
  const fixed = await buildIn('in place', 'relaxed', fixedScript(lookFixed));
  assert.equal(fixed.log, 'seen\n');
  assert.equal(fixed.content, fixedContent);
});

test(
  '`false` seals nothing; the environment is complete and the result canonical all the same',
  needs,
  async () => {
    const wanted = script(`${look}; echo $TMPDIR $PWD $HOME >> $out; bb chmod 755 $out; bb id -u >> $out`);
    const { content, result } = await buildIn('in place', false, wanted);
    const build = `${wanted.drvPath}.chroot/build`;
    assert.equal(content, `seen\n${build} ${build} /homeless-shelter\n${process.getuid?.()}\n`);
    assert.equal(result.isolation?.network, 'host');
    assert.ok(!existsSync(`${wanted.drvPath}.chroot`));
  },
);

test('an unsealed builder gets nothing by set-user-id bits, and no random addresses', needs, async () => {
  const text = 'bb grep NoNewPrivs /proc/self/status > $out; bb cat /proc/self/personality >> $out';
  const { content, result } = await buildIn('in place', false, script(text));
  assert.equal(content, 'NoNewPrivs:\t1\n00040000\n');
  assert.equal(result.isolation?.noNewPrivileges, true);
});

test(
  'an unsealed build that fails leaves nothing, and one that was interrupted is built anew',
  needs,
  async () => {
    const wanted = script('bb mkdir $out; bb mkdir $out/a; bb chmod 0 $out/a; exit 3');
    assert.equal((await buildIn('in place', false, wanted)).result.error?.code, 'ERR_BUILD_FAILED');
    assert.deepEqual(leftBy(wanted), []);
    const interrupted = script('bb mkdir $out; echo whole > $out/file');
    mkdirSync(join(storeDir, basename(interrupted.outPath)));
    writeFileSync(join(storeDir, basename(interrupted.outPath), 'half'), '');
    const { result } = await buildIn('in place', false, script(`bb cat ${interrupted}/file > $out`));
    assert.equal(result.error, undefined);
    assert.deepEqual(readdirSync(interrupted.outPath), ['file']);
  },
);

test('what an unsealed builder leaves running in its group is killed', needs, async () => {
  const word = `airplant-left-${process.pid}`;
  const { result } = await buildIn(
    'in place',
    false,
    script(`bb sh -c 'sleep 1000; : ${word}' > /dev/null 2>&1 & echo > $out`),
  );
  assert.equal(result.error, undefined);
  assert.ok(await goneWithin(word, 10_000));
});

test('an unsealed build never overwrites an output that is valid', needs, async () => {
  const wanted = script('echo first > $out; echo first > $other', { outputs: ['out', 'other'] });
  const { result } = await buildIn('in place', false, wanted);
  assert.equal(result.error, undefined);
  const store = await openStore({ settings: { sandbox: false } });
  try {
    const derivation = store.local.readDerivation(wanted.drvPath);
    assert.throws(
      () => refuseToOverwrite({ drvPath: wanted.drvPath, derivation }, ['out']),
      /would overwrite what is valid: other/,
    );
    refuseToOverwrite({ drvPath: wanted.drvPath, derivation }, ['out', 'other']);
  } finally {
    await store.close();
  }
});

test('in a store below a root, what asks not to be sealed is refused with the cure', needs, async () => {
  const unsealed = (await buildIn('below a root', false, script(look)).catch((error) => ({
    result: { error },
  }))) as Pick<Built, 'result'>;
  assert.equal(unsealed.result.error?.code, 'ERR_SANDBOX_REQUIRED');
  assert.match(unsealed.result.error.hint, /`sandbox`/);
  const open = await buildIn('below a root', 'relaxed', script(look, { __noChroot: true }));
  assert.equal(open.result.error?.code, 'ERR_SANDBOX_REQUIRED');
  assert.match(open.result.error.hint, /NIX_STORE_DIR/);
  const fixed = await buildIn('below a root', 'relaxed', fixedScript(lookFixed));
  assert.equal(fixed.log, 'unseen\n');
});
