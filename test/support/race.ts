import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type DerivationValue, derivation, openStore } from '../../ts/index.js';
import { configuration } from './nix.js';

/** What one of the racers came to. */
export interface Racer {
  readonly status: number | null;
  readonly stderr: string;
}

/** Starts to build a derivation in the chroot store below `store`. */
export type StartRacer = (drvPath: string, store: string) => Promise<Racer>;

const size = 100;

/**
 * Has two processes build one graph of a hundred derivations in a new store, and sees that each was built exactly once.
 * Builders write down a number that nobody else has, in their output and in the log, which whoever runs them prints: so
 * it is known who ran which, without asking either.
 *
 * Returns how many each has built.
 */
export async function race(
  directory: string,
  [first, second]: readonly [StartRacer, StartRacer],
  { headStart }: { readonly headStart: number },
): Promise<[number, number]> {
  const root = join(directory, 'store');
  await using store = await openStore({ store: root });
  const graph = makeGraph();
  const top = graph.at(-1)!;
  await store.instantiate(top);
  const racers = await Promise.all([
    first(top.drvPath, root),
    sleep(headStart).then(() => second(top.drvPath, root)),
  ]);
  for (const { status, stderr } of racers) assert.equal(status, 0, stderr);

  const runs = racers.map(({ stderr }) => [...stderr.matchAll(/RAN (node-\d+) ([0-9a-f-]{36})/g)]);
  const numbers = new Map<string, string[]>();
  for (const [, name, number] of runs.flat()) numbers.set(name!, [...(numbers.get(name!) ?? []), number!]);
  for (const { name, outPath } of graph) {
    assert.deepEqual(numbers.get(name), [readFileSync(store.local.realPath(outPath), 'utf8').trim()], name);
  }
  return [runs[0]!.length, runs[1]!.length];
}

/** Layers of nine, each derivation needing three of the layer below, and one that needs the last of them. */
function makeGraph(): DerivationValue[] {
  const width = 9;
  const graph: DerivationValue[] = [];
  for (let index = 0; index < size; index++) {
    const below = Math.floor(index / width - 1) * width;
    const places = index === size - 1 ? [0, 1, 2, 3, 4, 5, 6, 7, 8] : [0, 1, 4];
    const needs = below < 0 ? [] : places.map((place) => graph[below + ((index + place) % width)]!);
    const name = `node-${index}`;
    const script = `read number < /proc/sys/kernel/random/uuid; echo "RAN ${name} $number"; echo $number > $out`;
    graph.push(
      derivation({
        name,
        system: 'x86_64-linux',
        builder: '/bin/busybox',
        args: ['sh', '-euc', script],
        needs,
      }),
    );
  }
  return graph;
}

/** Our own command line, in a process of its own. */
export function airplantRacer(directory: string): StartRacer {
  const home = join(directory, 'home');
  mkdirSync(home, { recursive: true });
  const main = fileURLToPath(new URL('../../ts/main.js', import.meta.url));
  const env = {
    PATH: process.env['PATH'],
    HOME: home,
    NIX_CONF_DIR: home,
    XDG_CONFIG_DIRS: home,
    NIX_CONFIG: configuration,
  };
  return (drvPath, store) =>
    new Promise((resolve, reject) => {
      const args = [main, 'build', '--store', store, '--no-link', '--progress', 'json', drvPath];
      const child = execFile(process.execPath, args, { env, maxBuffer: 2 ** 26 }, (error, _, stderr) => {
        if (typeof error?.code === 'string') reject(error);
        else resolve({ status: child.exitCode, stderr });
      });
    });
}
