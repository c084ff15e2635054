import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
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

test('Ctrl-C ends a build and leaves nothing', needs, () =>
  endsCleanly('sigint', (child) => child.kill('SIGINT'), 130),
);

test('SIGTERM ends a build and leaves nothing', needs, () =>
  endsCleanly('sigterm', (child) => child.kill('SIGTERM'), 143),
);

test('the death of node leaves nothing', needs, () =>
  endsCleanly('sigkill', (child) => child.kill('SIGKILL'), null),
);

test('the death of the launcher is an error and leaves nothing', needs, () =>
  endsCleanly('launcher', (child) => process.kill(launcherOf(child.pid!), 'SIGKILL'), 1),
);

test("a time-out ends a build with Nix's status and leaves nothing", needs, () =>
  endsCleanly('timeout', () => {}, 101, ['--timeout', '2']),
);

async function endsCleanly(
  name: string,
  end: (child: ReturnType<typeof spawn>) => void,
  status: number | null,
  flags: readonly string[] = [],
): Promise<void> {
  const marker = `airplant-${name}-${process.pid}`;
  const place = join(directory, name);
  mkdirSync(place);
  const expression = join(place, 'default.mjs');
  const script = `bb() { /bin/busybox "$@"; }\n: ${marker}\n${stubborn}`;
  writeFileSync(
    expression,
    `import { derivation } from 'airplant';
     export const settings = { 'extra-sandbox-paths': ['/bin/busybox'] };
     export default derivation({ name: 'stubborn', builder: '/bin/busybox', args: ['sh', '-c', ${JSON.stringify(script)}] });`,
  );
  const store = join(place, 'store');
  const child = spawn(
    process.execPath,
    [main, 'build', expression, '--store', store, '-L', '--no-link', ...flags],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => {
      output += chunk;
    });
  const ended = once(child, 'exit');
  await until(() => output.includes('ready') || child.exitCode !== null, 20_000);
  assert.ok(output.includes('ready'), `the builder did not start: ${output}`);
  assert.ok(processesWith(marker).length > 0);
  end(child);
  const [code] = await ended;
  assert.equal(code, status, output);
  await until(() => processesWith(marker).length === 0, 2_000);
  assert.deepEqual(processesWith(marker), [], 'processes were left');
  await until(() => leftovers(store).length === 0, 2_000);
  assert.deepEqual(leftovers(store), [], 'directories were left');
  assert.ok(!readFileSync('/proc/self/mountinfo', 'utf8').includes(store), 'mounts were left');
}

/** What a build leaves in the store directory beside what is valid and the (empty) lock files. */
function leftovers(store: string): string[] {
  return readdirSync(join(store, 'nix/store')).filter(
    (name) => name !== '.links' && !name.endsWith('.drv') && !name.endsWith('.lock'),
  );
}

/** Pids of the processes whose command line holds the marker. */
function processesWith(marker: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(marker);
      } catch {
        return false;
      }
    });
}

function launcherOf(pid: number): number {
  const { stdout } = spawnSync('ps', ['-o', 'pid=,comm=', '--ppid', String(pid)], { encoding: 'utf8' });
  const line = stdout.split('\n').find((candidate) => candidate.includes('airplant-launch'));
  assert.ok(line, `no launcher among the children: ${stdout}`);
  return Number.parseInt(line, 10);
}

async function until(condition: () => boolean, milliseconds: number): Promise<void> {
  const deadline = Date.now() + milliseconds;
  while (!condition() && Date.now() < deadline) await sleep(20);
}
