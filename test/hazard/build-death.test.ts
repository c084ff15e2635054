import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { childrenOf, processesWith } from '../support/processes.js';
import { requires } from '../support/requires.js';
import { temporaryDirectory } from '../support/temporary.js';

// However a build ends, nothing of it stays: no process, no mount, no directory.
const needs = requires('user-namespaces', 'program:busybox');
const directory = temporaryDirectory('build-death');
const main = fileURLToPath(new URL('../../ts/main.js', import.meta.url));

/** A builder that ignores every signal it can and leaves daemons behind. */
const stubborn = `
  trap '' INT TERM HUP QUIT
  for i in 1 2 3; do (bb setsid bb sh -c 'trap "" INT TERM HUP; while :; do bb sleep 1000; done' &) ; done
  bb mkdir -p $out/half
  echo ready
  while :; do bb sleep 1000; done
`;

/** Files of many ids, in directories that nobody else may look into. */
const stubbornFiles = `
  bb mkdir -p $out/deep/er /build/d; echo x >$out/deep/er/f; bb chown -R 5:6 $out/deep /build/d
  bb chmod 000 $out/deep/er $out/deep /build/d`;

test('Ctrl-C ends a build and leaves nothing', needs, () =>
  endsCleanly('sigint', (child) => child.kill('SIGINT'), 130),
);

test('SIGTERM ends a build and leaves nothing', needs, () =>
  endsCleanly('sigterm', (child) => child.kill('SIGTERM'), 143),
);

// As `timeout` and service managers do. More than once, as all its processes learn of it at the same time.
for (const round of [1, 2, 3]) {
  test(
    `SIGTERM to the whole process group is a build cancelled, and not one that failed (${round})`,
    needs,
    () =>
      endsCleanly(`group-${round}`, (child) => process.kill(-child.pid!, 'SIGTERM'), 143, {
        without: /failed/,
      }),
  );
}

test('the death of node leaves nothing', needs, () =>
  endsCleanly('sigkill', (child) => child.kill('SIGKILL'), null),
);

test('the death of the launcher is an error and leaves nothing', needs, () =>
  endsCleanly('launcher', (child) => process.kill(launcherOf(child.pid!), 'SIGKILL'), 1),
);

test("a time-out ends a build with Nix's status and leaves nothing", needs, () =>
  endsCleanly('timeout', () => {}, 101, { flags: ['--timeout', '10'] }),
);

test(
  'what the death of node, launcher and supervisor leaves, the next build in the store removes',
  needs,
  async () => {
    await assert.rejects(endsCleanly('left', killAll, null, { patience: 0 }), /directories were left/);
    await endsCleanly('next', (child) => child.kill('SIGINT'), 130, { place: 'left' });
  },
);

// What such a builder makes belongs to ids that the caller could not remove it from.
describe(
  'the same of a build with many ids',
  requires('user-namespaces', 'program:busybox', 'subordinate-ids'),
  () => {
    const many = { script: `${stubbornFiles}\n${stubborn}`, features: ['uid-range'] };

    test('Ctrl-C', () => endsCleanly('many-sigint', (child) => child.kill('SIGINT'), 130, many));

    test('the death of node', () =>
      endsCleanly('many-sigkill', (child) => child.kill('SIGKILL'), null, many));

    test('the death of the launcher', () =>
      endsCleanly('many-launcher', (child) => process.kill(launcherOf(child.pid!), 'SIGKILL'), 1, many));

    test('the death of the supervisor', () =>
      endsCleanly('many-supervisor', (child) => process.kill(supervisorOf(child.pid!), 'SIGKILL'), 1, many));

    test('what the death of all three leaves, the next build of the same removes', async () => {
      await assert.rejects(
        endsCleanly('many-all', killAll, null, { ...many, patience: 0 }),
        /directories were left/,
      );
      await endsCleanly('many-all', (child) => child.kill('SIGINT'), 130, many);
    });

    test('and so does the next build of anything else', async () => {
      await assert.rejects(
        endsCleanly('many-left', killAll, null, { ...many, patience: 0 }),
        /directories were left/,
      );
      await endsCleanly('other', (child) => child.kill('SIGINT'), 130, { place: 'many-left' });
    });
  },
);

async function endsCleanly(
  name: string,
  end: (child: ReturnType<typeof spawn>) => void,
  status: number | null,
  {
    place = name,
    flags = [],
    script: builder = stubborn,
    features = [],
    without = /^\b$/,
    patience = 20_000,
  }: {
    place?: string;
    flags?: readonly string[];
    script?: string;
    features?: readonly string[];
    without?: RegExp;
    /** Milliseconds for what somebody is there to remove; none where nobody is. */
    patience?: number;
  } = {},
): Promise<void> {
  const marker = `airplant-${name}-${process.pid}`;
  const there = join(directory, place);
  mkdirSync(there, { recursive: true });
  const expression = join(there, 'default.mjs');
  const script = `bb() { /bin/busybox "$@"; }\n: ${marker}\n${builder}`;
  writeFileSync(
    expression,
    `import { derivation } from 'airplant';
     export const settings = { 'extra-sandbox-paths': ['/bin/busybox'] };
     export default derivation({ name: 'stubborn', requiredSystemFeatures: ${JSON.stringify(features)}, builder: '/bin/busybox', args: ['sh', '-c', ${JSON.stringify(script)}] });`,
  );
  const store = join(there, 'store');
  const child = spawn(
    process.execPath,
    [main, 'build', expression, '--store', store, '-L', '--no-link', ...flags],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
      // A process group of its own.
      detached: true,
    },
  );
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => {
      output += chunk;
    });
  const ended = once(child, 'exit');
  // Nothing is left that could hold this test up, whatever becomes of it.
  using _ = { [Symbol.dispose]: () => child.kill('SIGKILL') };
  await until(() => output.includes('ready') || child.exitCode !== null, 60_000);
  assert.ok(output.includes('ready'), `the builder did not start: ${output}`);
  assert.ok(processesWith(marker).length > 0);
  end(child);
  const [code] = await ended;
  assert.equal(code, status, output);
  assert.doesNotMatch(output, without);
  await until(() => processesWith(marker).length === 0, 20_000);
  assert.deepEqual(processesWith(marker), [], 'processes were left');
  await until(() => leftovers(store).length === 0, patience);
  assert.deepEqual(leftovers(store), [], 'directories were left');
  assert.ok(!readFileSync('/proc/self/mountinfo', 'utf8').includes(store), 'mounts were left');
}

/** What a build leaves in the store directory beside what is valid and the (empty) lock files. */
function leftovers(store: string): string[] {
  return readdirSync(join(store, 'nix/store')).filter(
    (name) => name !== '.links' && !name.endsWith('.drv') && !name.endsWith('.lock'),
  );
}

/** Node, the launcher and the supervisor at one moment: nobody is left to tidy up. */
function killAll(child: ReturnType<typeof spawn>): void {
  const pids = [child.pid!, launcherOf(child.pid!), supervisorOf(child.pid!)];
  for (const pid of pids) process.kill(pid, 'SIGSTOP');
  for (const pid of pids.toReversed()) process.kill(pid, 'SIGKILL');
}

function launcherOf(pid: number): number {
  const children = childrenOf(pid);
  const launcher = children.find(({ name }) => name.startsWith('airplant-launch'));
  assert.ok(launcher, `no launcher among the children: ${JSON.stringify(children)}`);
  return launcher.pid;
}

/** The process between the launcher and process 1 of its sandbox. */
function supervisorOf(pid: number): number {
  return launcherOf(launcherOf(pid));
}

async function until(condition: () => boolean, milliseconds: number): Promise<void> {
  const deadline = Date.now() + milliseconds;
  while (!condition() && Date.now() < deadline) await sleep(20);
}
