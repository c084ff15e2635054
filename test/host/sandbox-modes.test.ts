import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SettingsInput } from '../../ts/config/load.js';
import { type BuildResult, type DerivationValue, derivation, openStore } from '../../ts/index.js';
import { fixedContent, fixedScript } from '../support/fixed-script.js';
import { processesWith } from '../support/processes.js';
import { requires } from '../support/requires.js';
import { temporaryDirectory } from '../support/temporary.js';

// `sandbox = true | relaxed | false`, in a store whose files lie where its paths say, and in one below a root.
const needs = requires('user-namespaces', 'program:busybox');
const directory = temporaryDirectory('sandbox-modes');
const storeDir = join(directory, 'in-place', 'store');
process.env['NIX_STORE_DIR'] = storeDir;
const secret = join(directory, 'secret');
writeFileSync(secret, 'on the host');
// Of this file's own: other test files run hooks at the same time.
const temporaries = temporaryDirectory('sandbox-modes-temporaries');
process.env['TMPDIR'] = temporaries;

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
  more: SettingsInput = {},
): Promise<Built> {
  const settings = { sandbox, 'sandbox-paths': ['/bin/busybox'], 'fixed-output-network': 'host', ...more };
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

test('builtin builders work outside the sandbox as well', needs, async () => {
  const attributes = { derivations: [], manifest: '/somewhere' };
  const value = derivation({
    name: 'builtin',
    system: 'builtin',
    builder: 'builtin:buildenv',
    ...attributes,
  });
  await using store = await openStore({ settings: { sandbox: false } });
  const { results } = await store.build([value]).result;
  assert.equal(results[0]!.error, undefined);
  assert.equal(results[0]!.isolation?.backend, 'none');
  assert.equal(readlinkSync(join(results[0]!.outputs['out']!, 'manifest.nix')), '/somewhere');
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

for (const [how, start] of [
  ['in its group', '$bb sh -c "sleep 1000; : $word" &'],
  ['in a session of its own', '$bb setsid $bb sh -c "sleep 1000; : $word" &'],
  ['as a daemon', '$bb setsid $bb sh -c "($bb setsid $bb sh -c \\"sleep 1000; : $word\\" &)"'],
] as const) {
  test(
    `what an unsealed builder leaves running ${how} is killed before its outputs are looked at`,
    needs,
    async () => {
      const word = `airplant-left-${process.pid}-${++names}`;
      // Neither the builder itself nor grep has the word in its command line.
      const { result } = await buildIn(
        'in place',
        false,
        script(`
        exec > /dev/null 2>&1 < /dev/null
        bb=/bin/busybox rest=${word.slice(1)}; word=a$rest
        ${start}
        until $bb grep -q "[a]$rest" /proc/[0-9]*/cmdline; do $bb sleep 0.05; done
        echo > $out`),
      );
      assert.equal(result.error, undefined);
      assert.deepEqual(processesWith(word), []);
    },
  );
}

function hook(text: string): string {
  const file = join(directory, `hook-${++names}`);
  writeFileSync(file, `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  return file;
}

test(
  'the hook of an unsealed build is told so, gets no directory, and may refuse or change it',
  needs,
  async () => {
    const request = join(directory, 'request');
    const more = {
      'pre-build-hook': hook(
        `cat > ${request}; echo "$#" >> ${request}; printf 'airplant-hook 1\\n{"environment": {"hooked": "yes"}}'`,
      ),
    };
    const built = await buildIn('in place', false, script('echo $hooked > $out'), more);
    assert.equal(built.content, 'yes\n');
    const [line, count] = readFileSync(request, 'utf8').split('\n');
    const told = JSON.parse(line!) as Record<string, unknown>;
    assert.deepEqual([told['sealed'], told['root'], count], [false, null, '1']);
    const sealed = await buildIn('in place', true, script('echo $hooked > $out'), more);
    assert.equal(sealed.content, 'yes\n');
    const again = JSON.parse(readFileSync(request, 'utf8').split('\n')[0]!) as Record<string, unknown>;
    assert.deepEqual([again['sealed'], typeof again['root']], [true, 'string']);
    const no = { 'pre-build-hook': hook(`printf 'airplant-hook 1\\n{"refuse": "not here"}'`) };
    assert.match((await buildIn('in place', false, script(look), no)).result.error!.message, /'not here'/);
  },
);

for (const [what, text, message] of [
  ['a path', `printf 'extra-sandbox-paths\\n/mnt=/etc\\n\\n'`, /asked for the path '\/mnt'/],
  ['a path in JSON', `printf 'airplant-hook 1\\n{"paths": ["/etc"]}'`, /asked for the path '\/etc'/],
  ['a network', `printf 'airplant-hook 1\\n{"network": "none"}'`, /asked for the network 'none'/],
] as const) {
  test(`a hook that asks for ${what} in an unsealed build fails it, and leaves nothing`, needs, async () => {
    const wanted = script(look);
    const { result } = await buildIn('in place', false, wanted, { 'pre-build-hook': hook(text) });
    assert.equal(result.error?.code, 'ERR_HOOK');
    assert.match(result.error.message, message);
    assert.match(result.error.message, /is built outside the sandbox/);
    assert.deepEqual(leftBy(wanted), []);
    // An empty list is no wish; scripts that answer so always need not know of the sandbox.
    const empty = { 'pre-build-hook': hook(`printf 'extra-sandbox-paths\\n\\n'`) };
    assert.equal((await buildIn('in place', false, wanted, empty)).result.error, undefined);
  });
}

test('a cancelled build leaves nothing of a hook that runs, sealed or not', needs, async () => {
  for (const sandbox of [true, false]) {
    const word = `airplant-hooked-${process.pid}-${++names}`;
    const settings = {
      sandbox,
      'sandbox-paths': ['/bin/busybox'],
      'pre-build-hook': hook(`setsid sh -c 'sleep 1000; : ${word}' & : > "$TMPDIR/x"; sleep 1000; : ${word}`),
    };
    const wanted = script(look);
    const before = readdirSync(temporaries);
    const store = await openStore({ settings });
    try {
      const abort = new AbortController();
      const run = store.build([wanted], { signal: abort.signal });
      while (processesWith(word).length === 0) await sleep(10);
      abort.abort();
      const { results } = await run.result;
      assert.equal(results[0]!.error?.code, 'ERR_ABORTED');
    } finally {
      await store.close();
    }
    assert.deepEqual(processesWith(word), []);
    assert.deepEqual(leftBy(wanted), []);
    assert.deepEqual(
      readdirSync(temporaries).filter((name) => !before.includes(name)),
      [],
    );
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
