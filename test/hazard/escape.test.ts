import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type DerivationValue, derivation, openStore, type Store } from '../../ts/index.js';
import { compileFixture } from '../support/compile.js';
import { processesWith } from '../support/processes.js';
import { lesserKernel, longForm, requires } from '../support/requires.js';
import { buildLogged, leftoversIn, scriptDerivation } from '../support/scripts.js';
import { temporaryDirectory } from '../support/temporary.js';

// A hostile builder, which has the kernel's user id of the store's owner: nothing but the sandbox is in its way.
const needs = requires('user-namespaces', 'program:busybox', 'program:cc');
const directory = temporaryDirectory('escape');
let store: Store;
/** The same store, building without the filter for system calls: other walls must hold by themselves. */
let unfiltered: Store;
let attacker: string;
let input: DerivationValue;

before(async () => {
  if (needs.skip) return;
  attacker = compileFixture('escape');
  const settings = { 'sandbox-paths': ['/bin/busybox', `/escape=${attacker}`], 'max-jobs': 2 };
  store = await openStore({ store: join(directory, 'root'), settings });
  unfiltered = await openStore({
    store: join(directory, 'root'),
    settings: { ...settings, 'filter-syscalls': false },
  });
  input = scriptDerivation('input', 'bb mkdir $out; echo original > $out/file');
  await build(input);
});
after(async () => {
  await store?.close();
  await unfiltered?.close();
});

const build = (wanted: DerivationValue, builder: Store = store) => buildLogged(builder, wanted);

const everyMount = '/ /nix/store /proc /dev/null /dev/pts /dev/shm /tmp /build /bin/busybox';
let attacks = 0;

/** The outcome of every attempt of one attack. */
async function attempts(attack: string, builder?: Store): Promise<[string, string][]> {
  const { log, error } = await build(
    scriptDerivation(
      `attack-${++attacks}`,
      `bb mkdir -p /build/place; /escape ${attack} && echo done; echo > $out`,
    ),
    builder,
  );
  assert.equal(error, undefined, log);
  const lines = log.trimEnd().split('\n');
  assert.equal(lines.pop(), 'done', log);
  assert.ok(lines.length > 0);
  return lines.map((line) => line.split(': ') as [string, string]);
}

/** None of the attempts succeeded, and each failed for a reason that a wall gives. */
async function allRefused(attack: string, reasons: readonly string[], builder?: Store): Promise<void> {
  for (const [attempt, outcome] of await attempts(attack, builder)) {
    const lacking = lesserKernel && outcome === 'ENOSYS';
    assert.ok(reasons.includes(outcome) || lacking, `${attack}: ${attempt}: ${outcome}`);
  }
}

function real(path: DerivationValue | string): string {
  return store.local.realPath(`${path}`);
}

function inputIsUntouched(): void {
  const path = real(input);
  assert.deepEqual(readdirSync(path), ['file']);
  assert.equal(readFileSync(join(path, 'file'), 'utf8'), 'original\n');
  assert.equal(lstatSync(path).mode & 0o7777, 0o555);
  const file = lstatSync(join(path, 'file'));
  assert.equal(file.mode & 0o7777, 0o444);
  assert.equal(file.mtimeMs, 1000);
  assert.equal(file.nlink, 1);
}

for (const nested of ['', 'nested ']) {
  const who = nested ? 'with every capability in a namespace of its own' : 'as it is';

  test(`a builder ${who} cannot change an input`, needs, async () => {
    // EROFS is the wall; the others come before it is reached, from lacking capabilities, modes and mount boundaries.
    const walls = ['EROFS', 'EPERM', 'EACCES', 'EINVAL', 'EXDEV'];
    await allRefused(`${nested}input ${input}`, walls, unfiltered);
    await allRefused(`${nested}input ${input}`, [...walls, 'EOPNOTSUPP']);
    inputIsUntouched();
  });

  test(`a builder ${who} cannot take back what is done to its mounts`, needs, async () => {
    await allRefused(`${nested}mounts /build/place ${input} ${everyMount}`, ['EPERM', 'EINVAL', 'EBUSY']);
    inputIsUntouched();
  });

  test(`CVE-2023-25809: a builder ${who} mounts nothing that shows the host`, needs, async () => {
    const outcomes = new Map(await attempts(`${nested}file-systems /build/place`));
    // Empty, and as deep in there as the builder is.
    if (nested) for (const own of ['unshare-network', 'overlay', 'mqueue']) outcomes.delete(own);
    assert.equal(outcomes.get('unshare-cgroup'), nested ? 'ENOSPC' : 'EPERM');
    outcomes.delete('unshare-cgroup');
    for (const [type, outcome] of outcomes)
      assert.ok(['EPERM', 'ENODEV'].includes(outcome), `${type}: ${outcome}`);
  });

  test(`CVE-2016-9962: a builder ${who} gets nothing of process 1`, needs, async () => {
    await allRefused(`${nested}init`, ['EACCES', 'EPERM']);
  });

  test(`a builder ${who} reaches no file by its handle`, needs, async (t) => {
    const hidden = scriptDerivation('hidden', 'echo hidden > $out');
    await build(hidden);
    const { status, stdout } = spawnSync(attacker, ['print-handle', real(hidden)], { encoding: 'utf8' });
    // EOPNOTSUPP, by a number of its own.
    if (status === 3) return t.skip('file handles are not on this file system');
    assert.equal(status, 0);
    const handle = stdout.trim();
    for (const builder of [store, unfiltered]) {
      await allRefused(`${nested}handle ${handle} / /build ${input}`, ['EPERM', 'ESTALE'], builder);
    }
  });

  test(`a builder ${who} reaches no socket of the host`, needs, async () => {
    const name = `airplant-${process.pid}`;
    const servers = await Promise.all([
      listen({ path: `\0${name}` }),
      listen({ host: '127.0.0.1', port: 0 }),
    ]);
    try {
      const { port } = servers[1]!.address() as { port: number };
      await allRefused(`${nested}network ${name} ${port}`, ['ECONNREFUSED', 'ENETUNREACH']);
    } finally {
      for (const server of servers) server.close();
    }
  });

  test(`a builder ${who} gets nothing out of the terminal of its log, which survives`, needs, async () => {
    await allRefused(`${nested}terminal`, ['EPERM', 'ENXIO', 'ENOTTY', 'EIO']);
  });
}

// What makes the refusals above worth something: without the sandbox's walls, the same attempts succeed.
const allCalls = { skip: needs.skip || (lesserKernel && 'the attack lacks system calls') };
test('the attacks on mounts are good: whoever made the mounts can take them back', allCalls, () => {
  const place = join(directory, 'control');
  mkdirSync(join(place, 'input'), { recursive: true });
  mkdirSync(join(place, 'work'));
  const setUp = `
    mount --make-rprivate / && cd ${place} && mount --bind input input &&
    mount -o remount,bind,ro,nosuid,nodev input || exit 1`;
  const outcomes = outside(`${setUp}; ${attacker} mounts ${place}/work ${place}/input /proc`);
  assert.equal(outcomes.length, 10);
  for (const [attempt, outcome] of outcomes) assert.equal(outcome, 'ok', attempt);
});

test('the attack with file systems is good: it shows control groups and devices', needs, () => {
  const place = join(directory, 'file-systems');
  mkdirSync(place);
  const outcomes = new Map(outside(`${attacker} file-systems ${place}`));
  assert.equal(outcomes.get('unshare-cgroup'), 'ok');
  // Which of them a kernel has is its own business.
  assert.ok(['cgroup2', 'cgroup', 'sysfs'].some((type) => outcomes.get(type) === 'ok'));
});

/** Attempts in bare namespaces, with all capabilities there. */
function outside(script: string): [string, string][] {
  const how = ['--user', '--map-root-user', '--mount', '--pid', '--fork', '--mount-proc'];
  const log = execFileSync('unshare', [...how, 'sh', '-c', script], { encoding: 'utf8' });
  return log
    .trimEnd()
    .split('\n')
    .map((line) => line.split(': ') as [string, string]);
}

async function listen(options: { path: string } | { host: string; port: number }): Promise<Server> {
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => server.listen(options, resolve));
  return server;
}

test('a builder has three descriptors, whatever its caller has open', needs, async () => {
  assert.deepEqual(await attempts('descriptors'), [['listed', 'ok']]);
});

const special: Readonly<Record<string, string>> = {
  'a socket': '/escape node socket $out/x',
  'a character device 0:0': '/escape node whiteout $out/x',
  'a FIFO with odd bytes in its name': `bb mkfifo "$out/$(bb printf '\\033]0;x\\007\\377')"`,
};
for (const [what, text] of Object.entries(special)) {
  test(`CVE-2024-9676: an output with ${what} is refused`, needs, async () => {
    const { error, status } = await build(scriptDerivation('special', `bb mkdir $out; ${text}`));
    assert.equal(status, 'OutputRejected');
    assert.equal(error?.code, 'ERR_UNSUPPORTED_FILE');
    assert.deepEqual(leftoversIn(store), []);
  });
}

test(
  'names of any bytes and symlinks to anywhere are kept as they are, and not followed',
  needs,
  async () => {
    const secret = join(directory, 'secret');
    writeFileSync(secret, 'original', { mode: 0o640 });
    const { outputs, error } = await build(
      scriptDerivation(
        'odd',
        `bb mkdir $out; cd $out; echo > ./-rf; echo > "$(bb printf '\\377\\n\\033[31m')"; bb mkdir ...
       bb ln -s ${secret} absolute; bb ln -s ../../../../../../..${secret} relative; bb chmod 0 ... ./-rf; bb chmod 000 .`,
      ),
    );
    assert.equal(error, undefined);
    const path = real(outputs['out']!);
    const names = readdirSync(path, 'buffer').map((name) => name.toString('latin1'));
    assert.deepEqual(names.sort(), ['-rf', '...', 'absolute', 'relative', '\xff\n\x1b[31m']);
    assert.equal(readlinkSync(join(path, 'absolute')), secret);
    assert.equal(statSync(secret).mode & 0o7777, 0o640);
    assert.equal(readFileSync(secret, 'utf8'), 'original');
  },
);

test('an output that is a symlink is registered as one', needs, async () => {
  const target = join(directory, 'elsewhere');
  mkdirSync(target, { mode: 0o700 });
  const { outputs } = await build(scriptDerivation('link', `bb ln -s ${target} $out`));
  assert.equal(readlinkSync(real(outputs['out']!)), target);
  assert.equal(statSync(target).mode & 0o7777, 0o700);
});

test('CVE-2026-39860: what a builder plants beside its output stays in its sandbox', needs, async () => {
  const canary = join(directory, 'canary');
  writeFileSync(canary, 'original');
  const foreign = '00000000000000000000000000000000-planted';
  const { outputs, error } = await build(
    scriptDerivation(
      'planter',
      `for name in $out.lock $out.tmp $out.chroot /nix/store/${foreign} /nix/store/.links/x /tmp/private; do
         bb mkdir -p /nix/store/.links; bb ln -s ${canary} $name || exit 1
       done
       bb chmod 777 /build /nix/store /tmp; echo > $out`,
    ),
  );
  assert.equal(error, undefined);
  const { realStoreDir } = store.local.directories;
  assert.ok(!existsSync(join(realStoreDir, foreign)));
  assert.ok(!existsSync(`${real(outputs['out']!)}.tmp`));
  assert.equal(readFileSync(canary, 'utf8'), 'original');
  assert.deepEqual(leftoversIn(store), []);
});

test('CVE-2024-38531: other users do not get past the top of the scratch directory', needs, async () => {
  const open = scriptDerivation('open', 'bb chmod 777 /build /nix/store /tmp; echo ready; bb sleep 100');
  const controller = new AbortController();
  const run = store.build([open], { signal: controller.signal });
  let mode: number | undefined;
  for await (const event of run) {
    if (event.type !== 'build.log') continue;
    const { realStoreDir } = store.local.directories;
    const scratch = readdirSync(realStoreDir).find((name) => name.endsWith('.chroot'))!;
    mode = lstatSync(join(realStoreDir, scratch)).mode & 0o7777;
    for (const name of ['build', 'store', 'root/tmp']) {
      assert.equal(lstatSync(join(realStoreDir, scratch, name)).mode & 0o777, 0o777);
    }
    controller.abort();
  }
  assert.equal((await run.result).results[0]?.status, 'Cancelled');
  assert.equal(mode, 0o700);
});

test('nothing that outlives the builder changes its outputs', needs, async () => {
  const marker = `outlives-${process.pid}`;
  const daemon = `
    bb setsid bb sh -c ': ${marker}; trap "" HUP TERM INT; exec 7>>$out; while :; do echo changed >&7; done' &
    bb unshare -U -p -f bb sh -c ': ${marker}; while :; do echo changed >> $out; done' &`;
  const applets = 'bb() { /bin/busybox "$@"; }';
  const text = `${daemon.replaceAll("bb sh -c '", `/bin/busybox sh -c '${applets};`)}
    bb sleep 0.2; echo last > $out; exit 0`;
  const fixed = { outputHash: 'sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=', outputHashMode: 'flat' };
  for (const more of [{}, fixed]) {
    const { outputs, error } = await build(scriptDerivation('outliving', text, more));
    assert.deepEqual(processesWith(marker), [], 'dead before the result is told');
    if (more === fixed) {
      assert.equal(error?.code, 'ERR_HASH_MISMATCH');
      continue;
    }
    const path = real(outputs['out']!);
    const { narHash } = store.local.pathInfo(outputs['out']!)!;
    const { narHash: now } = await rehash(path);
    assert.equal(now, narHash.hex);
  }
});

async function rehash(path: string): Promise<{ narHash: string }> {
  const { native } = await import('../../ts/native.js');
  return { narHash: (await native.hashTree(path, [])).hash };
}

test('a flooded log is bounded in memory, however slow its reader', needs, async () => {
  for (const filler of ['/dev/zero', 'lines']) {
    const size = longForm ? 200 : 16;
    const from = filler === 'lines' ? `bb yes | bb head -c ${size}m` : `bb head -c ${size}m /dev/zero`;
    const run = store.build([scriptDerivation('flood', `${from}; echo > $out`)]);
    const before = process.memoryUsage().arrayBuffers;
    let most = 0;
    let chunks = 0;
    let bytes = 0;
    for await (const event of run) {
      if (event.type !== 'build.log') continue;
      bytes += event.chunk.length;
      // Long enough for the builder to write far more than the bound, were it not held back.
      if (chunks++ === 0) await sleep(3000);
      most = Math.max(most, process.memoryUsage().arrayBuffers);
    }
    assert.equal((await run.result).results[0]?.status, 'Built');
    assert.equal(bytes, size * 2 ** 20);
    // Garbage included.
    assert.ok(most - before < 2 * 2 ** 20, `${filler}: grew by ${most - before} bytes`);
  }
});

test(
  'CVE-2021-21261: what a derivation puts into the environment is for its builder alone',
  needs,
  async () => {
    const canary = join(directory, 'loaded');
    const before = process.env['LD_PRELOAD'];
    const variables = {
      LD_PRELOAD: '/absent.so',
      NODE_OPTIONS: `--require=${canary}`,
      BASH_ENV: canary,
      '': 'empty name',
      'a=b': 'c',
      '-x': '-y',
    };
    const { log, error } = await build(
      scriptDerivation('variables', "bb tr '\\0' '\\n' < /proc/self/environ; echo > $out", variables),
    );
    assert.equal(error, undefined, log);
    for (const [name, value] of Object.entries(variables))
      assert.ok(log.includes(`${name}=${value}\n`), name);
    assert.equal(process.env['LD_PRELOAD'], before);
  },
);

test('CVE-2024-32462: a name that looks like an option is a name', needs, async () => {
  const applet = derivation({
    name: '-x--help',
    system: 'x86_64-linux',
    builder: '/bin/busybox',
    args: ['sh', '-c', 'echo "$0" "$@" > $out', '--version', '-rf', ''],
  }) as unknown as DerivationValue;
  const { outputs, error } = await build(applet);
  assert.equal(error, undefined);
  assert.equal(readFileSync(real(outputs['out']!), 'utf8'), '--version -rf \n');
});

test('builds cancelled at any moment leave nothing', needs, async () => {
  const marker = `cancelled-${process.pid}`;
  const count = longForm ? 300 : 50;
  // How long it takes until one writes, which is when most of a build is under way.
  const moments: number[] = [];
  for (let i = 0; i < 5; i++) {
    const began = performance.now();
    const run = store.build([scriptDerivation(`uncancelled-${i}`, 'bb mkdir -p $out/x; echo begun')]);
    for await (const event of run) if (event.type === 'build.log') moments.push(performance.now() - began);
    assert.equal((await run.result).exitStatus, 0);
  }
  const begun = moments.sort((a, b) => a - b)[2]!;
  for (let i = 0; i < count; i++) {
    const text = `: ${marker}; bb mkdir -p $out/x; bb chmod 0 $out/x; bb setsid /bin/busybox sleep 50 & bb head -c 1m /dev/zero; wait`;
    const cancel = new AbortController();
    // Half of them from the first moment to twice as long as it takes to begin, and half some time after they wrote.
    const afterItWrote = i % 2 === 1;
    const wait = (milliseconds: number) => setTimeout(() => cancel.abort(), milliseconds);
    let timer = afterItWrote ? undefined : wait(((2 * i) / count) * begun);
    const run = store.build([scriptDerivation(`cancelled-${i}`, text)], { signal: cancel.signal });
    for await (const event of run) if (afterItWrote && event.type === 'build.log') timer ??= wait(i);
    clearTimeout(timer);
    assert.ok(timer, 'it ended before it wrote');
    assert.equal((await run.result).results[0]!.status, 'Cancelled');
    assert.deepEqual(processesWith(marker), []);
    assert.deepEqual(leftoversIn(store), []);
  }
  assert.ok(!readFileSync('/proc/self/mountinfo', 'utf8').includes(directory));
});

test(
  'trees of any depth are refused or removed, and nobody runs out of stack or descriptors',
  needs,
  async () => {
    const inOutput = await build(scriptDerivation('deep', '/escape deep $out 1000'));
    assert.notEqual(inOutput.error, undefined);
    assert.match(inOutput.error!.message, /lies too deep/);
    const inScratch = await build(
      scriptDerivation('deep-scratch', '/escape deep /build/deep 1000; echo > $out'),
    );
    assert.equal(inScratch.error, undefined);
    assert.deepEqual(leftoversIn(store), []);
  },
);
