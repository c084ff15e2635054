import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { classicTable } from '../../support/classic-table.js';
import { CommandLine } from '../../support/command-line.js';
import { configuration, RealNix } from '../../support/nix.js';
import { requires } from '../../support/requires.js';
import { temporaryDirectory } from '../../support/temporary.js';

interface Scene {
  readonly nix: RealNix;
  readonly diamond: string;
  readonly multi: string;
  /** Not held by a root. */
  readonly garbage: string;
}

const builds = ['user-namespaces', 'program:nix-instantiate', 'program:busybox'] as const;

/** Output paths of a derivation. */
const outputs = ({ nix }: Scene, drvPath: string) =>
  nix.run('nix-store', '--query', '--outputs', drvPath).split('\n');

/** The same lines, in whatever order. */
function sameLines(theirs: string, ours: string): void {
  assert.deepEqual(ours.split('\n').sort(), theirs.split('\n').sort());
}

function prepare({ directory, nix }: { directory: string; nix: RealNix }): Scene {
  mkdirSync(join(directory, 'garbage/sub'), { recursive: true });
  writeFileSync(join(directory, 'garbage/sub/file'), 'text\n');
  const [diamond, multi] = ['diamond', 'multi'].map((name) => nix.instantiate(name));
  nix.run('nix-store', '--realise', diamond!, '--add-root', join(directory, 'root'), '--indirect');
  nix.run('nix-store', '--realise', multi!, '--add-root', join(directory, 'root-of-multi'), '--indirect');
  const garbage = nix.run('nix-store', '--add', join(directory, 'garbage'));
  return { nix, diamond: diamond!, multi: multi!, garbage };
}

/** Rows for one verb of `--query`, on derivations and outputs. */
function verb(word: string, more: object = {}) {
  return [
    { words: (s: Scene) => ['--query', word, s.diamond, s.multi], ...more },
    { words: (s: Scene) => [word, '-q', outputs(s, s.diamond)[0]!, ...outputs(s, s.multi)], ...more },
    { words: (s: Scene) => ['-q', '--use-output', word, s.multi, s.garbage, s.diamond], ...more },
  ];
}

const exported = (s: Scene) => {
  const env = { PATH: process.env['PATH'], NIX_REMOTE: s.nix.store, HOME: '/nonexistent' };
  const { stdout } = spawnSync('nix-store', ['--export', s.garbage, s.diamond], { env });
  return stdout;
};
const dumped = (s: Scene) => Buffer.from(`${s.nix.run('nix-store', '--dump-db')}\n`);

classicTable<Scene>(
  'whole stores',
  prepare,
  [
    ...verb('--tree'),
    ...verb('--graph'),
    ...verb('--graphml'),
    ...verb('--roots', { compare: sameLines }),
    {
      words: (s) => ['-q', '--roots', ...outputs(s, s.diamond), '--option', 'keep-outputs', 'true'],
      compare: sameLines,
    },
    { words: (s) => ['-q', '--roots', s.diamond, '--no-keep-derivations'], compare: sameLines },
    { words: '--gc --print-roots', compare: sameLines },
    { words: '--gc --print-live', compare: sameLines, otherWords: /^/ },
    { words: '--gc --print-dead', otherWords: /^/ },
    { words: '--gc --print-dead --no-keep-derivations', otherWords: /^/ },
    { words: '--gc --print-live --keep-outputs', otherWords: /^/ },
    { words: '--gc --print-dead --print-roots', compare: sameLines },
    { words: '--gc --max-freed 0', otherWords: /^/ },
    { words: '--gc --max-freed -1', otherWords: /^/ },
    { words: (s) => ['--delete', ...outputs(s, s.diamond)], status: 1 },
    { words: (s) => ['--delete', outputs(s, s.multi)[1]!], status: 1 },
    { words: '--delete', otherWords: /^/ },
    { words: (s) => ['--export', s.diamond, s.garbage] },
    { words: (s) => ['--export', s.garbage, s.garbage] },
    { words: '--export' },
    { words: '--import', input: exported },
    { words: '--import', input: () => Buffer.from('x'), status: 1, otherWords: /^error: / },
    { words: (s) => ['--dump-db', s.garbage, s.diamond] },
    { words: '--dump-db', compare: sameLines },
    { words: '--load-db', input: dumped },
    { words: '--load-db', input: () => Buffer.from('x\n'), status: 1, otherWords: /^error: / },
    { words: '--register-validity', input: () => Buffer.alloc(0) },
    { words: '--register-validity --hash-given', input: dumped },
    { words: '--verify', otherWords: /^/ },
    { words: '--verify --check-contents', otherWords: /^/ },
    { words: '--optimise', otherWords: /^/ },
    { words: '--optimize -v', otherWords: /^/ },
  ],
  ...builds,
);

interface Damaged {
  readonly path: string;
}

classicTable<Damaged>(
  'a damaged store',
  ({ directory, nix }) => {
    writeFileSync(join(directory, 'file'), 'text\n');
    const path = nix.run('nix-store', '--add', join(directory, 'file'));
    const real = join(nix.store, path);
    chmodSync(real, 0o644);
    writeFileSync(real, 'other\n');
    return { path };
  },
  [
    {
      words: ({ path }) => ['--verify-path', path],
      status: 1,
      otherWords: /^path '.*' was modified! expected hash 'sha256:.*', got 'sha256:.*'$/m,
    },
    { words: '--verify', otherWords: /^/ },
    {
      words: '--verify --check-contents',
      status: 1,
      otherWords:
        /^path '.*' was modified! expected hash 'sha256:.*', got 'sha256:.*'[\s\S]*warning: not all store errors were fixed/m,
    },
    {
      words: '--verify --check-contents --repair',
      status: 1,
      otherWords: /^warning: not all store errors were fixed/m,
    },
    { words: ({ path }) => ['--repair-path', path], status: 1, otherWords: /^error: .*cannot repair path/m },
  ],
);

test('a collection leaves what Nix leaves of the same store', requires(...builds), async () => {
  const directory = temporaryDirectory('classic-collection');
  const theirs = new RealNix(directory, join(directory, 'theirs'));
  const scene = prepare({ directory, nix: theirs });
  const ours = new RealNix(directory, join(directory, 'ours'));
  cpSync(theirs.store, ours.store, { recursive: true, verbatimSymlinks: true });
  const dead = theirs.run('nix-store', '--gc', '--print-dead').split('\n').length;
  const said = theirs.try('nix-store', '--gc').stdout;
  const env = { PATH: process.env['PATH']!, NIX_REMOTE: ours.store, NIX_CONFIG: configuration };
  const { status, stdout, stderr } = await new CommandLine(directory, env).run(['nix-store', '--gc']);
  assert.equal(status, 0, stderr);
  assert.match(stderr, new RegExp(`^deleting '${scene.garbage}'$`, 'm'));
  const summary = /^(\d+) store paths deleted, \d+\.\d\d MiB freed\n$/;
  assert.equal(summary.exec(stdout.toString())?.[1], `${dead}`);
  assert.equal(summary.exec(said)?.[1], `${dead}`);
  sameLines(theirs.run('nix-store', '--dump-db'), ours.run('nix-store', '--dump-db'));
});
