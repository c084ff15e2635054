import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type ClassicPlace, classicTable } from '../../support/classic-table.js';
import { CommandLine } from '../../support/command-line.js';
import { configuration, fixture, RealNix } from '../../support/nix.js';
import { requires } from '../../support/requires.js';
import { temporaryDirectory } from '../../support/temporary.js';

interface Scene {
  readonly multi: string;
  readonly nix: RealNix;
}

/** The links a program has made, which are removed for the next one. */
function takeLinks({ directory }: ClassicPlace): Record<string, string> {
  const names = readdirSync(directory).filter((name) => /^(result|named)/.test(name));
  return Object.fromEntries(
    names.sort().map((name) => {
      const link = join(directory, name);
      const target = readlinkSync(link);
      rmSync(link);
      return [name, target];
    }),
  );
}

const row = (words: string | readonly string[], more: object = {}) => ({
  words,
  program: 'nix-build',
  look: takeLinks,
  ...more,
});

// Progress is in other words; errors of evaluation are those of the same nix-instantiate, but for what nix-build adds.
const progress = { otherWords: /^/ };

classicTable<Scene>(
  'nix-build',
  ({ directory, nix }) => {
    copyFileSync(fixture('peer/derivations.nix'), join(directory, 'peer.nix'));
    writeFileSync(join(directory, 'default.nix'), 'import ./peer.nix');
    writeFileSync(join(directory, 'broken.nix'), '{ a = ; }');
    mkdirSync(join(directory, 'search'));
    writeFileSync(join(directory, 'search/default.nix'), 'import ../peer.nix');
    writeFileSync(
      join(directory, 'function.nix'),
      '{ which, name ? "out" }: builtins.getAttr name (builtins.getAttr which (import ./peer.nix))',
    );
    return { multi: nix.instantiate('multi'), nix };
  },
  [
    row('peer.nix -A diamond', progress),
    row('-A diamond', progress),
    row('. -A multi', progress),
    row('peer.nix -A multi.dev', progress),
    row('peer.nix -A multi.dev -A diamond -A multi -A base', progress),
    row('peer.nix -A base -o named', progress),
    row('-A base -A multi.lib --out-link named', progress),
    row('-A base --no-out-link', progress),
    row('-A base --no-link', progress),
    row(['-E', '(import ./peer.nix).base'], progress),
    row(['-E', '(import ./peer.nix).base', '(import ./peer.nix).left'], progress),
    row(['--expr', 'import ./peer.nix', '-A', 'right'], progress),
    row(['function.nix', '--argstr', 'which', 'base'], progress),
    row(['function.nix', '--argstr', 'which', 'multi', '--arg', 'name', '"dev"'], progress),
    row('<found> -A base -I found=search', progress),
    row('-A base --dry-run'),
    row('-A passAsFile --dry-run'),
    row('-A base --option foo bar -Q -j1 --cores 1', progress),
    row('-A base --check', progress),
    row('-A fails', { status: 100, ...progress }),
    row('-k -A fails -A base', { status: 100, ...progress }),
    row('-A fixedWrong', { status: 102, ...progress }),
    row('-A nowhere', { status: 1 }),
    row('nowhere.nix', { status: 1 }),
    row('broken.nix', { status: 1 }),
    row(['-E', '1'], { status: 1 }),
    row('-E'),
    row('--foo', { status: 1 }),
    row('-A', { status: 1 }),
    row('-o', { status: 1 }),
    row('--arg x', { status: 1 }),
    row('-j', { status: 1 }),
    row('--version'),
    { ...row('', progress), words: (s: Scene) => [s.multi] },
    { ...row('', progress), words: (s: Scene) => [`${s.multi}!dev`, s.multi] },
    { ...row('', { status: 1, ...progress }), words: (s: Scene) => [`${s.multi}!none`] },
    { ...row('', { status: 1 }), words: (s: Scene) => [`${s.multi}!dev,out`] },
    { ...row('', progress), words: (s: Scene) => ['-A', 'base', s.multi] },
  ],
  'user-namespaces',
  'program:nix-instantiate',
  'program:busybox',
);

const builds = requires('user-namespaces', 'program:nix-instantiate', 'program:busybox');

test('what was evaluated lies where it is built, and only results stay roots', builds, async () => {
  const directory = temporaryDirectory('nix-build-alone');
  const nix = new RealNix(directory, join(directory, 'store'));
  copyFileSync(fixture('peer/derivations.nix'), join(directory, 'default.nix'));
  const env = { PATH: process.env['PATH']!, NIX_REMOTE: nix.store, NIX_CONFIG: configuration };
  const commandLine = new CommandLine(directory, env);
  const { status, stdout, stderr } = await commandLine.run(['nix-build', '-A', 'multi', '-A', 'multi.dev']);
  assert.equal(status, 0, stderr);
  assert.match(stderr, /^this derivation will be built:\n {2}\/nix\/store\/.*-multi\.drv\n/);
  const paths = stdout.toString().trimEnd().split('\n');
  nix.run('nix-store', '--check-validity', ...paths);
  const roots = readdirSync(join(nix.store, 'nix/var/nix/gcroots/auto'));
  const targets = roots.map((root) => readlinkSync(join(nix.store, 'nix/var/nix/gcroots/auto', root)));
  assert.deepEqual(targets.sort(), [join(directory, 'result'), join(directory, 'result-dev')]);
});

test('without nix-instantiate, expressions are refused and derivations are not', async () => {
  const directory = temporaryDirectory('no-nix-instantiate');
  const commandLine = new CommandLine(directory, { PATH: '/nonexistent', NIX_REMOTE: join(directory, 's') });
  const expression = await commandLine.run(['nix-build', '-E', '1']);
  assert.equal(expression.status, 1);
  assert.match(expression.stderr, /^error: .*nix-instantiate, which is not in PATH\nhint: .*\.drv/);
  const derivation = await commandLine.run([
    'nix-build',
    '/nix/store/01m4xk46p9pcp3g31d5p0p7p1h9d7q1a-missing.drv',
  ]);
  assert.equal(derivation.status, 1);
  assert.match(derivation.stderr, /^error: path '.*' does not exist and cannot be created\n/);
});
