import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { classicTable } from '../../support/classic-table.js';
import { fixture, type RealNix } from '../../support/nix.js';

const missing = '/nix/store/01m4xk46p9pcp3g31d5p0p7p1h9d7q1a-missing';

const failedBuilder = /^error: builder for '.*-fails\.drv' failed with exit code 3/m;

interface Scene {
  /** Derivations of test/fixtures/peer, of which `diamond` and `multi` are built. */
  readonly diamond: string;
  readonly multi: string;
  readonly unbuilt: string;
  /** Exit with 3. */
  readonly fails: string;
  /** Does not make what it promises. */
  readonly wrong: string;
  readonly nix: RealNix;
}

/** Output paths of a derivation. */
const outputs = ({ nix }: Scene, drvPath: string) =>
  nix.run('nix-store', '--query', '--outputs', drvPath).split('\n');
const diamondOut = (scene: Scene) => outputs(scene, scene.diamond)[0]!;
const archive = (scene: Scene) =>
  Buffer.from(scene.nix.run('nix-store', '--dump', fixture('peer/channel.tar.xz')), 'latin1');

/** Rows for one verb of `--query`, on derivations and outputs. */
function verb(...words: string[]) {
  return [
    { words: (s: Scene) => ['--query', ...words, s.diamond, s.multi] },
    { words: (s: Scene) => [...words, '-q', diamondOut(s), ...outputs(s, s.multi)] },
    { words: (s: Scene) => ['-q', '--use-output', ...words, s.multi, diamondOut(s), s.diamond] },
  ];
}

classicTable<Scene>(
  'operations of nix-store',
  ({ directory, nix }) => {
    mkdirSync(join(directory, 'tree/sub'), { recursive: true });
    writeFileSync(join(directory, 'tree/sub/file'), 'text\n');
    writeFileSync(join(directory, 'tree/program'), '#!/bin/sh\n', { mode: 0o755 });
    symlinkSync('sub/file', join(directory, 'tree/link'));
    writeFileSync(join(directory, 'file'), 'text\n');
    const [diamond, multi, unbuilt, fails, wrong] = ['diamond', 'multi', 'odd', 'fails', 'fixedWrong'].map(
      (name) => nix.instantiate(name),
    );
    nix.run('nix-store', '--realise', diamond!, multi!);
    symlinkSync(diamond!, join(directory, 'drv-link'));
    return {
      diamond: diamond!,
      multi: multi!,
      unbuilt: unbuilt!,
      fails: fails!,
      wrong: wrong!,
      nix,
    };
  },
  [
    ...verb('--outputs'),
    ...verb('--requisites'),
    ...verb('-R', '--include-outputs'),
    ...verb('--references'),
    ...verb('--referrers'),
    ...verb('--referers'),
    ...verb('--referrers-closure'),
    ...verb('--deriver'),
    ...verb('--hash'),
    ...verb('--size'),
    ...verb('--resolve'),
    { words: (s) => ['-q', '--binding', 'name', s.diamond, diamondOut(s)] },
    { words: (s) => ['-qb', 'args-not-there', s.diamond], status: 1 },
    { words: (s) => ['-q', s.diamond, s.unbuilt] },
    { words: (s) => ['-q', `${diamondOut(s)}/below`] },
    { words: '-q drv-link' },
    { words: '-qR drv-link' },
    { words: (s) => ['-q', '--force-realise', '--hash', '-u', s.diamond], otherWords: /^/ },
    { words: (s) => ['--print-env', s.diamond] },
    { words: (s) => ['--print-env', s.multi] },
    { words: (s) => ['--check-validity', s.diamond, diamondOut(s)] },
    { words: (s) => ['--check-validity', '--print-invalid', s.diamond, ...outputs(s, s.unbuilt)] },
    { words: (s) => ['--verify-path', s.diamond, diamondOut(s)] },
    { words: (s) => ['--read-log', s.diamond, diamondOut(s)] },
    { words: (s) => ['--read-log', s.unbuilt], status: 1 },
    { words: '--add file tree tree/link' },
    { words: '--add file nonexistent', status: 1 },
    { words: '--add-fixed sha256 file' },
    { words: '--add-fixed --recursive sha256 tree file' },
    { words: '--recursive sha512 tree --add-fixed' },
    { words: '--add-fixed md5 file' },
    { words: '--add-fixed sha256 tree', status: 1, otherWords: /^error: / },
    { words: '--add-fixed sha256 nonexistent', status: 1 },
    { words: '--dump file' },
    { words: '--dump tree' },
    { words: '--dump tree/link' },
    { words: '--dump nonexistent', status: 1, compare: () => {} },
    { words: '--restore file', status: 1, input: archive, otherWords: /^error: / },
    { words: '--restore restored', status: 1, otherWords: /^error: / },
    {
      words:
        '--print-fixed-path sha256 0f0b1bfd8ff04a1bd8bb1ad0a7ab3cd4a2e4f9ba1cb1e2b9d3c1d3bd7f2b3a4c name',
    },
    {
      words: '--recursive --print-fixed-path sha256 sha256-CkMIecJm+LV/QJKg+TXPP6zUi7zN5XYNR0jKQFFx6Wk= name',
    },
    { words: '--print-fixed-path md5 d3ea68e810bc7f9297024c01b858679e name' },
    { words: '--print-fixed-path sha1 --recursive sha1:aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d name' },
    { words: (s) => ['-r', s.diamond] },
    { words: (s) => ['-r', s.multi] },
    { words: (s) => ['-r', `${s.multi}!out`] },
    { words: (s) => ['-r', `${s.multi}!none`], status: 1, otherWords: /^error: / },
    { words: (s) => ['-r', diamondOut(s), '--no-gc-warning'] },
    { words: (s) => ['-r', s.diamond, s.multi, '--add-root', 'root', '--indirect'] },
    { words: (s) => ['-r', diamondOut(s), s.diamond, '--add-root', 'other'] },
    { words: (s) => ['-r', s.diamond, '--no-output'] },
    { words: (s) => ['-r', '--ignore-unknown', s.diamond] },
    { words: (s) => ['-r', '--dry-run', s.diamond, s.unbuilt] },
    { words: (s) => ['-r', s.fails, s.diamond], status: 100, otherWords: failedBuilder },
    { words: (s) => ['-r', s.fails, '-K', '-j1', '--cores', '1'], status: 100, otherWords: failedBuilder },
    {
      words: (s) => ['-r', s.wrong],
      status: 102,
      otherWords: /^error: hash mismatch in fixed-output derivation/m,
    },
    { words: (s) => ['-kr', s.fails, s.wrong, s.diamond], status: 102, otherWords: failedBuilder },
    { words: (s) => ['-r', '--check', s.diamond], otherWords: /^checking outputs of/m },
    { words: (s) => ['-r', '--check', s.unbuilt], status: 1, otherWords: /^error: / },
    { words: (s) => ['-r', '--repair', '--check', s.diamond], otherWords: /^checking outputs of/m },
    { words: (s) => ['-r', '--check', '--repair', s.diamond], otherWords: /^(?!.*checking outputs of)/s },
    { words: (s) => ['-r', '--repair', s.diamond], otherWords: /^/ },
    {
      words: (s) => ['-r', s.fails, '--max-jobs', '0'],
      status: 1,
      otherWords: /^error: unable to start any build/m,
    },
    { words: '-r' },
    { words: `-r ${missing}`, status: 1, otherWords: /^error: don't know how to build '.*-missing'/ },
    { words: `-r ${missing}.drv`, status: 1, otherWords: /^error: don't know how to build '.*drv'/ },
    { words: `-r --ignore-unknown ${missing}` },
    { words: `-r --dry-run ${missing}` },
    {
      words: '--generate-binary-cache-key example-1 secret public',
      compare: (theirs, ours) => assert.equal(ours, theirs),
    },
  ],
  'user-namespaces',
  'program:nix-instantiate',
  'program:busybox',
);

classicTable(
  'nix-hash',
  ({ directory }) => {
    mkdirSync(join(directory, 'tree'));
    writeFileSync(join(directory, 'tree/file'), 'text\n');
    writeFileSync(join(directory, 'file'), 'text\n');
    symlinkSync('file', join(directory, 'link'));
  },
  [
    'tree',
    'file',
    'link',
    '--flat file',
    '--flat link',
    '--type sha1 tree',
    '--type sha256 --base32 tree file',
    '--type sha512 --flat --base32 file',
    '--type sha512 --truncate tree',
    '--type sha256 --truncate --base32 --flat file',
    '--truncate tree',
    '--type sha256 --to-base32 0f0b1bfd8ff04a1bd8bb1ad0a7ab3cd4a2e4f9ba1cb1e2b9d3c1d3bd7f2b3a4c',
    '--type sha256 --to-base16 00xyyr3fi8l6hb839bv3f7yb86yjv7xi1cgh1xnhipym4asvb4aq',
    '--to-base32 d3ea68e810bc7f9297024c01b858679e d41d8cd98f00b204e9800998ecf8427e',
    '--type sha256 --to-base16 sha256-CkMIecJm+LV/QJKg+TXPP6zUi7zN5XYNR0jKQFFx6Wk=',
    '--type sha1 --to-base32 sha1:aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d',
  ].map((words) => ({ words, program: 'nix-hash' })),
);
