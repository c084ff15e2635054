import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { defaultStartId } from '../../ts/formats/subordinate-ids.js';
import { openStore, type Store } from '../../ts/index.js';
import { callersIdentity } from '../../ts/sandbox/identity.js';
import { launchSandbox } from '../../ts/sandbox/launch.js';
import { caller } from '../support/identities.js';
import { processesWith } from '../support/processes.js';
import { requires } from '../support/requires.js';
import { scriptSpec } from '../support/sandbox.js';
import { buildLogged, leftoversIn, scriptDerivation } from '../support/scripts.js';
import { temporaryDirectory } from '../support/temporary.js';

const directory = temporaryDirectory('identities');

async function openTestStore(name: string, settings: object = {}): Promise<Store> {
  return await openStore({
    store: join(directory, name),
    settings: { 'sandbox-paths': ['/bin/busybox'], 'max-jobs': 2, 'build-termination-grace': 0, ...settings },
  });
}

/** Two builds that wait for one another would never end: each tells when it runs, and for how long. */
const clock = 'bb cut -d" " -f1 /proc/uptime; bb sleep 0.3; bb cut -d" " -f1 /proc/uptime';

describe(
  'builds that require uid-range',
  requires('user-namespaces', 'program:busybox', 'subordinate-ids'),
  () => {
    let store: Store;
    before(async () => {
      store = await openTestStore('range');
    });
    after(() => store?.close());

    const build = (name: string, script: string, more: object = {}) =>
      buildLogged(store, scriptDerivation(name, script, { requiredSystemFeatures: ['uid-range'], ...more }));

    test('are root of 65536 ids, and their outputs the caller’s', async () => {
      const result = await build(
        'ids',
        'bb id -u; bb cat /etc/passwd; bb mkdir $out; echo x >$out/f; bb chown -R 7:8 $out; bb ln $out/f $out/g; bb chmod 700 $out',
        { passAsFile: ['text'], text: 'passed' },
      );
      assert.equal(result.error, undefined, result.log);
      assert.match(result.log, /^0\nroot:x:0:0:Nix build user:\/build:\/noshell\nnixbld:x:0:0:/);
      const path = store.local.realPath(result.outputs['out']!);
      for (const name of ['', 'f', 'g']) {
        const { uid, gid } = statSync(join(path, name));
        assert.deepEqual({ uid, gid }, caller);
      }
      assert.equal(statSync(join(path, 'f')).mode & 0o7777, 0o444);
      assert.deepEqual(leftoversIn(store), []);
    });

    test('own the files that were put into their build directory', async () => {
      const { log } = await build(
        'files',
        'bb stat -c "%u %g" /build /build/.attr-* /tmp / /nix/store; exit 1',
        {
          passAsFile: ['text'],
          text: 'passed',
        },
      );
      assert.equal(log, '0 0\n'.repeat(5));
    });

    test('that fail leave nothing', async () => {
      const result = await build(
        'fails',
        'bb mkdir -p $out/a /tmp/b; bb chown 9:9 $out/a; bb chmod 0 $out /tmp/b; exit 3',
      );
      assert.equal(result.status, 'PermanentFailure');
      assert.deepEqual(leftoversIn(store), []);
    });

    test('never share ids: with one range, one waits for the other', async () => {
      const [a, b] = await Promise.all([build('one', `${clock}; exit 1`), build('two', `${clock}; exit 1`)]);
      const times = [a, b].map(({ log }) => log.trim().split('\n').map(Number)).sort((x, y) => x[0]! - y[0]!);
      assert.ok(times[0]![1]! <= times[1]![0]!, JSON.stringify(times));
    });
  },
);

for (const [name, value] of [
  ['start-id', 65536],
  ['start-id', 2 ** 32 - 65536],
  ['id-count', 0],
  ['id-count', 65535],
  ['id-count', 2 ** 33],
] as const) {
  test(`${name} = ${value} is refused before anything is started`, requires('user-namespaces'), async () => {
    await using store = await openTestStore(`wrong-${name}-${value}`, { [name]: value });
    await assert.rejects(store.build([scriptDerivation('never', 'exit 1')]).result, {
      code: 'ERR_SETTING',
      message: new RegExp(`'${name}' cannot be '${value}'`),
    });
  });
}

const asRoot = requires('root', 'user-namespaces', 'program:busybox');

/** Ids of the process whose command line holds a word, as the host sees them. */
async function idsOf(word: string): Promise<{ uids: number[]; gids: number[]; groups: string }> {
  let pids: number[] = [];
  for (let i = 0; i < 500 && pids.length === 0; i++) {
    await sleep(20);
    pids = processesWith(word).filter((pid) => pid !== process.pid);
  }
  const status = readFileSync(`/proc/${pids[0]}/status`, 'utf8');
  const field = (name: string) => new RegExp(`^${name}:[ \\t]*(.*)$`, 'm').exec(status)![1]!.trim();
  const numbers = (name: string) => [...new Set(field(name).split(/\s+/).map(Number))];
  return { uids: numbers('Uid'), gids: numbers('Gid'), groups: field('Groups') };
}

test('as root: builders are nobody the host knows, and each somebody else', asRoot, async (t) => {
  const store = await openTestStore('root-two');
  t.after(() => store.close());
  const abort = new AbortController();
  const words = ['one', 'two'].map((name) => `airplant-${name}-${process.pid}`);
  const builds = words.map((word, i) =>
    buildLogged(store, scriptDerivation(`two-${i}`, `: ${word}; while :; do bb sleep 0.1; done`), {
      signal: abort.signal,
    }),
  );
  const seen = await Promise.all(words.map(idsOf));
  abort.abort();
  await Promise.all(builds);
  for (const { uids, gids, groups } of seen) {
    assert.equal(uids.length, 1);
    assert.ok(uids[0]! >= defaultStartId && uids[0]! < defaultStartId + 128 * 65536, String(uids));
    assert.deepEqual([gids, groups], [uids, '']);
  }
  assert.notDeepEqual(seen[0], seen[1]);
  assert.deepEqual(leftoversIn(store), []);
});

test(
  'as root: a builder writes nothing of root’s and signals nobody, and what it makes becomes root’s',
  asRoot,
  async (t) => {
    const shown = join(directory, 'shown');
    mkdirSync(shown, { mode: 0o755 });
    writeFileSync(join(shown, 'secret'), 'secret', { mode: 0o600 });
    const store = await openTestStore('root-one', { 'writable-sandbox-paths': [`/shown=${shown}`] });
    t.after(() => store.close());
    const input = scriptDerivation('input', 'echo input > $out');
    const result = await buildLogged(
      store,
      scriptDerivation(
        'hostile',
        `bb id -u; bb id -g
       echo x > /shown/new; bb cat /shown/secret; bb chmod 777 /shown; bb chmod u+w ${input}; echo x > ${input}
       echo 1 > /proc/sys/kernel/core_pattern; bb kill -0 ${process.pid}
       bb mkdir $out; echo x > $out/f; bb chmod 600 $out/f`,
      ),
    );
    assert.equal(result.error, undefined, result.log);
    assert.match(result.log, /^1000\n100\n/);
    assert.equal(
      result.log.match(/ermission denied|not permitted|Read-only|No such process/g)?.length,
      7,
      result.log,
    );
    const path = store.local.realPath(result.outputs['out']!);
    for (const file of [path, join(path, 'f')]) {
      const { uid, gid } = statSync(file);
      assert.deepEqual({ uid, gid }, { uid: 0, gid: 0 });
    }
    assert.deepEqual(leftoversIn(store), []);
  },
);

test('as root: builds that require uid-range have 65536 ids at once', asRoot, async (t) => {
  const store = await openTestStore('root-range');
  t.after(() => store.close());
  const script = `bb cat /proc/self/uid_map; bb mkdir $out; echo x > $out/f; bb chown 65535:65535 $out/f $out`;
  const builds = ['a', 'b'].map((name) =>
    buildLogged(store, scriptDerivation(name, script, { requiredSystemFeatures: ['uid-range'] })),
  );
  for (const { error, log, outputs } of await Promise.all(builds)) {
    assert.equal(error, undefined, log);
    assert.match(log, /^\s*0\s+0\s+65536\n$/);
    assert.equal(statSync(join(store.local.realPath(outputs['out']!), 'f')).uid, 0);
  }
});

test('as root: a sandbox whose builder would be root is refused, whoever asks', asRoot, async () => {
  await assert.rejects(
    launchSandbox(scriptSpec('true', { ...callersIdentity, idMaps: undefined as never })),
    {
      code: 'ERR_SANDBOX_SETUP',
      details: { step: 'ids', errno: 'EPERM', path: '' },
    },
  );
});

test('as root: an ordinary user’s groups are dropped by newgidmap, and without it they stay', asRoot, () => {
  const program = fileURLToPath(new URL('programs/print-groups.js', import.meta.url));
  const { uid } = statSync(program);
  assert.notEqual(uid, 0, 'the checkout belongs to an ordinary user');
  const gid = Number(
    new RegExp(`^[^:]*:[^:]*:${uid}:(\\d+):`, 'm').exec(readFileSync('/etc/passwd', 'utf8'))![1],
  );
  const groupsWith = (how: string) => {
    const { stdout, stderr } = spawnSync(
      'setpriv',
      ['--reuid', String(uid), '--regid', String(gid), '--groups', '27,998', process.execPath, program, how],
      { encoding: 'utf8', env: { PATH: process.env['PATH'] } },
    );
    assert.equal(stderr, '');
    return stdout.trim();
  };
  assert.equal(groupsWith('dropped'), '100');
  assert.equal(groupsWith('kept'), '100 65534 65534');
});
