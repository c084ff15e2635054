import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { openStore } from '../../ts/index.js';
import { damage, damages } from '../support/damage.js';
import { RealNix } from '../support/nix.js';
import { longForm, requires } from '../support/requires.js';
import { openTestStore } from '../support/stores.js';
import { temporaryDirectory } from '../support/temporary.js';

// `airplant repair` is killed at random moments. Whatever was good stays good, what was damaged is damaged or good, and
// the same command again makes everything whole.
const needs = requires('user-namespaces', 'program:nix-store', 'program:nix-instantiate', 'program:busybox');
const directory = temporaryDirectory('repair-death');
const main = fileURLToPath(new URL('../../ts/main.js', import.meta.url));
const rounds = longForm ? 500 : 30;

test('killed at any moment, a repair can be done again, and nothing good was lost', needs, async (t) => {
  const nix = new RealNix(directory, join(directory, 'store'));
  const other = new RealNix(directory, join(directory, 'other'));
  const drvPaths = ['diamond', 'multiUser', 'odd'].map((attribute) => nix.instantiate(attribute));
  for (const attribute of ['diamond', 'multiUser', 'odd']) other.instantiate(attribute);
  const settings = { 'sandbox-paths': ['/bin/busybox'], 'max-jobs': 2 };
  for (const root of [nix.store, other.store]) {
    await using store = await openStore({ store: root, settings });
    assert.equal((await store.build(drvPaths).result).exitStatus, 0);
  }
  const outputs = await madeOf(nix.store, drvPaths);
  const ways = Object.keys(damages);
  const tally = { killed: 0, finished: 0, repaired: 0 };
  let duration = 0;

  for (let round = -2; round < rounds; round++) {
    const substituters = round % 2 === 0 ? other.store : '';
    const victims = new Map<string, string>();
    for (const path of outputs) if (round < 0 || Math.random() < 0.5) victims.set(path, pick(ways));
    {
      await using store = await openTestStore(nix.store);
      for (const [path, how] of victims) await damage(store, path, how);
    }
    const began = Date.now();
    const first = start(nix.store, drvPaths, substituters);
    if (round < 0) {
      // Undisturbed, to know how long it takes.
      assert.equal(await first.exit, 0, first.said());
      duration = Date.now() - began;
      continue;
    }
    await Promise.race([first.exit, sleep(Math.random() * duration)]);
    first.child.kill('SIGKILL');
    const killed = (await first.exit) === null;
    tally[killed ? 'killed' : 'finished']++;
    if (!killed) duration = (duration + Date.now() - began) / 2;
    {
      await using store = await openTestStore(nix.store, { readOnly: true });
      for (const path of store.validPaths()) {
        const { kind } = await store.verifyPath(path);
        if (victims.has(path)) tally.repaired += kind === 'good' ? 1 : 0;
        else assert.equal(kind, 'good', `round ${round}: ${path} had not been damaged`);
      }
    }
    const beganAgain = Date.now();
    const again = start(nix.store, drvPaths, substituters);
    assert.equal(await again.exit, 0, again.said());
    // How much is to be repaired changes from round to round, and so does what else the machine has to do.
    if (killed) duration = (duration + Date.now() - beganAgain) / 2;
    const { status, stderr } = nix.try('nix-store', '--verify', '--check-contents');
    assert.equal(status, 0, `round ${round}: ${stderr}`);
  }
  t.diagnostic(JSON.stringify(tally));
  assert.ok(tally.killed > rounds / 10, 'too few were killed');
});

test("two repairs at once do not get in each other's way", needs, async () => {
  const nix = new RealNix(directory, join(directory, 'store'));
  const drvPaths = ['diamond', 'multiUser', 'odd'].map((attribute) => nix.instantiate(attribute));
  const outputs = await madeOf(nix.store, drvPaths);
  for (let round = 0; round < (longForm ? 30 : 3); round++) {
    {
      await using store = await openTestStore(nix.store);
      for (const path of outputs) await damage(store, path, pick(Object.keys(damages)));
    }
    const both = [start(nix.store, drvPaths, ''), start(nix.store, drvPaths, join(directory, 'other'))];
    for (const one of both) assert.equal(await one.exit, 0, one.said());
    const { status, stderr } = nix.try('nix-store', '--verify', '--check-contents');
    assert.equal(status, 0, stderr);
  }
});

test('after all of that a collector leaves nothing but what is valid', needs, async () => {
  const nix = new RealNix(directory, join(directory, 'store'));
  nix.run('nix-store', '--gc');
  await using store = await openTestStore(nix.store);
  const left = readdirSync(store.directories.realStoreDir).filter(
    (name) => name !== '.links' && !store.isValid(`/nix/store/${name}`),
  );
  assert.deepEqual(left, []);
});

/** Everything that outputs of derivations refer to, if it was built. */
async function madeOf(root: string, drvPaths: readonly string[]): Promise<string[]> {
  await using store = await openTestStore(root, { readOnly: true });
  const outputs = drvPaths.flatMap((drvPath) => [...store.derivationOutputs(drvPath).values()]);
  return store.closure(outputs).filter((path) => store.validDerivers(path).length > 0);
}

function start(root: string, drvPaths: readonly string[], substituters: string) {
  const options = ['--option', 'substituters', substituters, '--option', 'sandbox-paths', '/bin/busybox'];
  const args = [main, 'repair', ...drvPaths, '--store', root, ...options];
  const env = { ...process.env, NIX_CONF_DIR: directory, XDG_CONFIG_HOME: directory };
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'], env });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (said += chunk));
  const exit = once(child, 'exit').then(([status]) => status as number | null);
  return { child, exit, said: () => said };
}

function pick<T>(some: readonly T[]): T {
  return some[Math.floor(Math.random() * some.length)]!;
}
