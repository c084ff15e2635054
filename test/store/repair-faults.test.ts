import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { native } from '../../ts/native.js';
import { damage, damages } from '../support/damage.js';
import { longForm, requires } from '../support/requires.js';
import { openTestStore } from '../support/stores.js';
import { temporaryDirectory } from '../support/temporary.js';

// The system calls of one repair fail, or kill the process, one at a time.
const needs = requires('linux', 'program:strace');
const directory = temporaryDirectory('repair-faults');
const script = fileURLToPath(new URL('../support/repair-once.js', import.meta.url));
const calls = ['mkdir', 'pwrite64', 'unlink', 'unlinkat', 'renameat2', 'fchmod', 'utimensat'];
const effects = ['error=EIO', 'error=ENOSPC', 'signal=KILL'];
const trace = join(directory, 'trace');

function run(root: string, strace: readonly string[], ...more: string[]) {
  const program = [process.execPath, script, root, ...more];
  const [first, ...rest] =
    strace.length > 0 ? ['strace', '-f', '-qq', '-o', trace, ...strace, ...program] : program;
  return spawnSync(first!, rest, { encoding: 'utf8' });
}

/** A store as the script leaves it, then damaged in every path but one. */
async function damagedStore(root: string, template: string): Promise<string[]> {
  await native.removeTree(root);
  cpSync(template, root, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true });
  await using store = await openTestStore(root);
  const paths = store
    .validPaths()
    .filter((path) => !path.endsWith('.drv'))
    .sort();
  const ways = Object.keys(damages).filter((how) => how !== 'a path that is gone');
  for (const [index, path] of paths.slice(1).entries()) await damage(store, path, ways[index % ways.length]);
  return paths;
}

interface Fault {
  readonly call: string;
  readonly effect: string;
  /** Which of the calls, from 1. */
  readonly when: number;
}

/** Faults for a run whose calls are in `trace`. In the short form one of each call, its effect by chance. */
function faultsFor(calledBy: string): Fault[] {
  const lines = readFileSync(calledBy, 'latin1').split('\n');
  return calls.flatMap((call) => {
    const total = lines.filter((line) => line.includes(` ${call}(`)).length;
    if (total === 0) return [];
    if (!longForm) return [{ call, effect: pick(effects), when: 1 + Math.floor(Math.random() * total) }];
    const points = Array.from(
      { length: Math.min(25, total) },
      (_, point) => 1 + Math.floor((point * total) / 25),
    );
    return effects.flatMap((effect) => points.map((when) => ({ call, effect, when })));
  });
}

function pick<T>(some: readonly T[]): T {
  return some[Math.floor(Math.random() * some.length)]!;
}

const title = 'whichever system call fails or kills, no path is lost and the next attempt makes all whole';

test(title, needs, async (t) => {
  const template = join(directory, 'template');
  assert.equal(run(template, []).status, 0);
  const root = join(directory, 'store');
  const struck = new Map<string, number>();
  // Built again, and copied.
  for (const more of [[], [template]]) {
    await damagedStore(root, template);
    assert.equal(run(root, ['-e', `trace=${calls}`], ...more).status, 0);
    for (const { call, effect, when } of faultsFor(trace)) {
      const what = `${call}:${effect}:when=${when}`;
      const paths = await damagedStore(root, template);
      const { status, stdout } = run(root, ['-e', `trace=${call}`, '-e', `inject=${what}`], ...more);
      if (status !== 0) struck.set(call, (struck.get(call) ?? 0) + 1);
      if (stdout !== '') assert.match(stdout, /^ERR_/, what);
      await assertKept(root, paths, what);
      const again = run(root, [], ...more);
      assert.equal(again.status, 0, `${what}: ${again.stdout}`);
      await using store = await openTestStore(root, { readOnly: true });
      for (const path of store.validPaths()) {
        assert.deepEqual(await store.verifyPath(path), { kind: 'good' }, what);
      }
    }
  }
  t.diagnostic(`runs that did not succeed: ${JSON.stringify([...struck])}`);
  assert.ok(struck.has('renameat2') || struck.has('pwrite64'), 'hardly any fault ever struck');
});

/** There is something at every path, and the one that was not damaged is as it was. */
async function assertKept(root: string, paths: readonly string[], what: string): Promise<void> {
  await using store = await openTestStore(root, { readOnly: true });
  assert.deepEqual(await store.verifyPath(paths[0]!), { kind: 'good' }, what);
  for (const path of paths) assert.ok(existsSync(store.realPath(path)), `${what}: ${path} is gone`);
}

test('where two names cannot be exchanged, the old contents are moved out of the way', needs, async () => {
  const template = join(directory, 'template-two');
  assert.equal(run(template, []).status, 0);
  const root = join(directory, 'two-steps');
  const paths = await damagedStore(root, template);
  const { status, stdout } = run(root, ['-e', 'trace=renameat2', '-e', 'inject=renameat2:error=ENOSYS']);
  assert.equal(status, 0, stdout);
  await using store = await openTestStore(root);
  for (const path of paths) assert.deepEqual(await store.verifyPath(path), { kind: 'good' });
});
