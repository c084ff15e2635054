import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { goneWithin, processesWith } from '../support/processes.js';
import { requires } from '../support/requires.js';
import { temporaryDirectory } from '../support/temporary.js';

// A fork bomb that does nothing to limit itself. What ends it is the limit of processes that its caller has (`ulimit -u`):
// a user namespace hands it on to all that is below. Processes of root have no such limit.
const needs =
  process.getuid?.() === 0
    ? { skip: 'for an ordinary user' }
    : requires('user-namespaces', 'program:busybox');
const directory = temporaryDirectory('fork-bomb');
const main = fileURLToPath(new URL('../../ts/main.js', import.meta.url));

test('X1: a fork bomb stops at its caller’s limit, and dies with its build', needs, async () => {
  await withBomb('limited', 150, async (marker, cannotFork) => {
    await cannotFork;
    assert.ok(processesWith(marker).length <= 150);
  });
});

test('X1: with a higher limit it grows beyond that', needs, async () => {
  await withBomb('higher', 400, async (marker, cannotFork) => {
    let isFull = false;
    const full = () => {
      isFull = true;
    };
    // Or the builder has ended, and grows no more.
    cannotFork.then(full, full);
    while (!isFull && processesWith(marker).length <= 150) await sleep(10);
    assert.ok(processesWith(marker).length > 150);
  });
});

/**
 * What is so while a build runs that is a fork bomb, whose caller may have `more` processes than there are. Afterwards
 * it is cancelled, and nothing is left of it.
 */
async function withBomb(
  name: string,
  more: number,
  look: (marker: string, cannotFork: Promise<void>) => Promise<void>,
): Promise<void> {
  // In the arguments of every process: those of the shell hold the script.
  const marker = `1000.${process.pid}`;
  const file = join(directory, `${name}.mjs`);
  const script = `ulimit -u unlimited; bomb() { (bomb) & (bomb) & /bin/busybox sleep ${marker}; }; bomb`;
  writeFileSync(
    file,
    `import { derivation } from 'airplant';
     export const settings = { 'extra-sandbox-paths': ['/bin/busybox'] };
     export default derivation({ name: '${name}', builder: '/bin/busybox', args: ['sh', '-c', ${JSON.stringify(script)}] });`,
  );
  // Not every sh has this option.
  const build = `ulimit -u ${ownTasks() + more} && exec "$0" "$@"`;
  const args = [process.execPath, main, 'build', file, '--store', join(directory, name), '--no-link', '-L'];
  const child = spawn('busybox', ['sh', '-c', build, ...args], { stdio: ['ignore', 'inherit', 'pipe'] });
  const ended = once(child, 'exit');
  let log = '';
  const cannotFork = new Promise<void>((resolve, reject) => {
    child.stderr.on('data', (chunk) => {
      log += chunk;
      if (log.includes("can't fork")) resolve();
    });
    child.on('exit', () => reject(new Error(log)));
  });
  cannotFork.catch(() => {});
  try {
    await look(marker, cannotFork);
  } finally {
    child.kill('SIGINT');
  }
  assert.deepEqual(await ended, [130, null], log);
  assert.ok(await goneWithin(marker, 0), 'the last one is dead before the build has ended');
}

/** Processes and threads of this user, which is what the limit counts. */
function ownTasks(): number {
  const uid = process.getuid!();
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .reduce((sum, pid) => {
      try {
        const status = readFileSync(`/proc/${pid}/status`, 'latin1');
        const isOurs = Number(/^Uid:\s+(\d+)/m.exec(status)![1]) === uid;
        return isOurs ? sum + Number(/^Threads:\s+(\d+)/m.exec(status)![1]) : sum;
      } catch {
        return sum;
      }
    }, 0);
}
