import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { CommandLine } from './command-line.js';
import { configuration, RealNix } from './nix.js';
import { type Requirement, requires } from './requires.js';
import { temporaryDirectory } from './temporary.js';

/**
 * One command line, given to a program of Nix's and to the one that airplant has in its place, on the same store and in
 * the same directory. Both must print the same to the byte, with the same exit status, and the same lines that begin
 * with `error:`, `warning:` or `Try`.
 */
export interface ClassicRow<Scene> {
  /** Words, as a shell would split them; or made of what the scene has. */
  readonly words: string | readonly string[] | ((scene: Scene) => readonly string[]);
  /** Default: `nix-store`. */
  readonly program?: string;
  readonly input?: (scene: Scene) => Uint8Array;
  /** Exit status of both. Default: 0. */
  readonly status?: number;
  /** What is said in other words by airplant, which must match this. */
  readonly otherWords?: RegExp;
  /** Looks at what both printed, where that cannot be the same. */
  readonly compare?: (theirs: string, ours: string) => void;
  /** Called after each of the two; what it returns must be the same. */
  readonly look?: (place: ClassicPlace) => unknown;
}

/** Where the rows of a table run. */
export interface ClassicPlace {
  readonly directory: string;
  readonly nix: RealNix;
}

/** Defines the tests of a table. `prepare` makes what its rows work on. */
export function classicTable<Scene>(
  group: string,
  prepare: (place: ClassicPlace) => Scene | Promise<Scene>,
  rows: readonly ClassicRow<Scene>[],
  ...requirements: readonly Requirement[]
): void {
  const programs = new Set(rows.map(({ program = 'nix-store' }) => program));
  const needs = requires(...requirements, ...[...programs].map((name) => `program:${name}` as const));
  const directory = temporaryDirectory(`classic-${group.replaceAll(/\W+/g, '-')}`);
  const store = join(directory, 'store');
  const nix = new RealNix(directory, store);
  const home = join(directory, 'nix-home');
  const env = {
    PATH: process.env['PATH']!,
    NIX_REMOTE: store,
    NIX_CONFIG: configuration,
    NIX_CONF_DIR: join(home, 'conf'),
  };
  const work = join(directory, 'work');
  mkdirSync(work);
  const commandLine = new CommandLine(work, env);
  describe(`${group}, side by side with Nix`, () => {
    let scene: Scene;
    before(async () => {
      if (!needs.skip) scene = await prepare({ directory: work, nix });
    });
    for (const row of rows) {
      const { program = 'nix-store', words, input, status = 0, otherWords, compare, look } = row;
      const name = nameOf(words);
      test(`${program} ${name}`, needs, async () => {
        const argv = typeof words === 'function' ? words(scene) : wordsOf(words);
        const bytes = input?.(scene) ?? Buffer.alloc(0);
        const theirs = spawnSync(program, argv, {
          cwd: work,
          input: bytes,
          env: { ...env, HOME: home },
        });
        const seen = look?.({ directory: work, nix });
        const ours = await commandLine.run([program, ...argv], [bytes]);
        assert.deepEqual([theirs.status, ours.status], [status, status], `${theirs.stderr}\n${ours.stderr}`);
        if (compare) compare(theirs.stdout.toString('latin1'), ours.stdout.toString('latin1'));
        else assert.equal(ours.stdout.toString('latin1'), theirs.stdout.toString('latin1'));
        if (look) assert.deepEqual(look({ directory: work, nix }), seen);
        if (otherWords) assert.match(ours.stderr, otherWords);
        else assert.deepEqual(spoken(ours.stderr), spoken(theirs.stderr.toString()));
      });
    }
  });
}

function wordsOf(words: string | readonly string[]): readonly string[] {
  return typeof words === 'string' ? words.split(' ').filter(Boolean) : words;
}

/** What a test is called: its words, or how they are made. */
function nameOf(words: ClassicRow<never>['words']): string {
  return typeof words === 'function' ? String(words).replace(/^.*?=>\s*/s, '') : wordsOf(words).join(' ');
}

/** The lines a script may look for. */
function spoken(stderr: string): string[] {
  const plain = stderr.replaceAll(/\u001b\[[0-9;]*m/g, '');
  return plain.split('\n').filter((line) => /^(error:|warning:|Try )/.test(line));
}
