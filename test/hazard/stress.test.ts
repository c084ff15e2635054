import assert from 'node:assert/strict';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { native } from '../../ts/native.js';
import { launchSandbox } from '../../ts/sandbox/launch.js';
import { processesWith } from '../support/processes.js';
import { longForm, requires } from '../support/requires.js';
import { freshDirectory, outputOf, scratch, scriptSpec } from '../support/sandbox.js';

// Sandboxes side by side, half of them killed at some moment between their first system call and their last: how long that is
// those that live tell, all the time.
const count = longForm ? 5000 : 200;
const parallel = 8;

test(
  'whatever becomes of many sandboxes, nothing of them is left',
  requires('user-namespaces', 'program:busybox'),
  async (t) => {
    // What is there once is there for good: the launcher, its descriptors, the first thread.
    await outputOf('true');
    const [pid] = childrenOf(process.pid) as [number];
    const marker = `stress-${process.pid}`;
    const before = {
      own: descriptors(process.pid),
      launcher: descriptors(pid),
      keys: keys(),
      mounts: mounts(),
    };
    const random = generator(Number(process.env['AIRPLANT_TEST_SEED'] ?? Date.now() % 1e6));
    t.diagnostic(`seed ${random.seed}`);
    let started = 0;
    let killed = 0;
    // What the last ones took that were left alone, in milliseconds.
    let life = 0;
    const inQuarters = [0, 0, 0, 0];
    const ends = { exited: 0, signalled: 0, killed: 0, 'network-lost': 0 };

    const worker = async () => {
      while (started++ < count) {
        const root = freshDirectory('stress');
        const script = `: ${marker}; (setsid sleep 1000 &); mkdir -p /build/a/b; mount -t tmpfs none /tmp 2>/dev/null; exit 3`;
        const controller = new AbortController();
        const began = performance.now();
        const sandbox = launchSandbox(scriptSpec(script, { root: { kind: 'directory', path: root } }), {
          signal: controller.signal,
        });
        const share = random.next();
        const isVictim = life > 0 && random.next() < 0.5;
        if (isVictim) {
          killed++;
          setTimeout(() => controller.abort(), share * life);
        }
        let end: keyof typeof ends;
        try {
          end = (await (await sandbox).exit).kind;
        } catch (error) {
          // Stopped before it had begun.
          assert.ok(controller.signal.aborted, String(error));
          end = 'killed';
        }
        ends[end]++;
        if (isVictim && end === 'killed') inQuarters[Math.floor(share * 4)]!++;
        const took = performance.now() - began;
        if (!isVictim) life = life === 0 ? took : 0.8 * life + 0.2 * took;
        await native.removeTree(root);
      }
    };
    await Promise.all(Array.from({ length: parallel }, worker));

    assert.equal(ends.exited + ends.signalled + ends.killed, count);
    const tally = `${ends.killed} of ${killed} were killed in time: ${inQuarters} in the quarters of ${life} ms`;
    t.diagnostic(tally);
    assert.ok(killed > count / 4 && ends.killed > killed / 3 && ends.killed <= killed, tally);
    // Late in its life, one is over before it is killed as often as not.
    assert.ok(inQuarters[0]! > killed / 20 && inQuarters[1]! > killed / 20 && inQuarters[2]! > 0, tally);
    assert.deepEqual(processesWith(marker), []);
    assert.deepEqual(childrenOf(process.pid), [pid], 'it is the same launcher still');
    assert.deepEqual(childrenOf(pid), []);
    assert.deepEqual(descriptors(pid), before.launcher, 'descriptors of the launcher');
    assert.deepEqual(descriptors(process.pid), before.own, 'descriptors of node');
    assert.deepEqual(mounts(), before.mounts);
    assert.deepEqual(
      readdirSync(scratch).filter((name) => name.startsWith('stress')),
      [],
    );
    // Tests beside this one have keys as well, and the kernel collects dead ones in its own time.
    for (let i = 0; i < 100 && keys() > before.keys + count / 10; i++) await sleep(100);
    assert.ok(keys() <= before.keys + count / 10, `${keys()} keys, ${before.keys} before`);
  },
);

/** What a process has open, sorted: links of /proc, without the number of what differs from one moment to the next. */
function descriptors(pid: number): string[] {
  const directory = `/proc/${pid}/fd`;
  return readdirSync(directory)
    .flatMap((fd) => {
      try {
        return [readlinkSync(join(directory, fd)).replace(/\[\d+\]/, '')];
      } catch {
        return [];
      }
    })
    .filter((target) => target !== directory)
    .sort();
}

function mounts(): string[] {
  return readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
}

/** How many keys, keyrings among them, count against this user. */
function keys(): number {
  const line = readFileSync('/proc/key-users', 'utf8')
    .split('\n')
    .find((candidate) => Number.parseInt(candidate, 10) === process.getuid?.());
  return Number(/^\s*\d+:\s+(\d+)/.exec(line ?? '')?.[1] ?? 0);
}

function childrenOf(parent: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        // After the name, which may hold anything: the state, then the parent.
        return Number(/\) \S (\d+)/.exec(readFileSync(`/proc/${pid}/stat`, 'latin1'))?.[1]) === parent;
      } catch {
        return false;
      }
    })
    .map(Number);
}

/** Numbers from 0 to 1 that a seed gives again (mulberry32). */
function generator(seed: number) {
  let state = seed;
  return {
    seed,
    next(): number {
      state = (state + 0x6d2b79f5) | 0;
      let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
      mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
      return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
    },
  };
}
