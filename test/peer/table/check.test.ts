import { DatabaseSync } from '@photostructure/sqlite';
import { fixturePath } from '../../support/fixtures.js';
import { peerTable } from '../../support/peer-table.js';

// Each row is built, and then built again with `--check`, when the builder sees a file that it did not see before.
const check = {
  flags: ['--check'],
  settings: { 'extra-sandbox-paths': `/again=${fixturePath('peer/derivations.nix')}` },
  afterBuilding: () => {},
} as const;

/** After the host's path to either store. Nix ends there, unless it keeps what it has made. */
const output = /(?<=may not be deterministic: output '[^']*)\/nix\/store\/[^']*' differs/;

const bothFailed = /^error: build of '\/nix\/store\/\S+\.drv', '\/nix\/store\/\S+\.drv' failed$/m;

const differs = {
  ...check,
  status: 104,
  result: 'NotDeterministic',
  said: [/checking outputs of '.*'/, /derivation '.*' may not be deterministic: output '/, output],
} as const;

/** Nothing says any more that these were built, as if they had been copied from somewhere. */
function forgetWhereFrom(realPath: (path: string) => string, outputs: readonly string[]): void {
  const database = new DatabaseSync(realPath('/nix/var/nix/db/db.sqlite'), { timeout: 60_000 });
  const forget = database.prepare('update ValidPaths set ultimate = null where path = ?');
  for (const path of outputs) forget.run(path);
  database.close();
}

peerTable('check', [
  {
    name: 'what comes out the same',
    nix: 'script "echo > $out" { }',
    ...check,
    status: 0,
    said: [/checking outputs of '.*'/],
    differs: { why: 'a check has a word of its own for it', result: 'Same' },
  },
  {
    name: 'what does not',
    nix: 'script "if bb test -e /again; then echo two; else echo one; fi > $out" { }',
    ...differs,
  },
  {
    name: 'only one of three outputs',
    nix: `script "echo > $out; echo > $lib; if bb test -e /again; then echo two; else echo one; fi > $dev" {
      outputs = [ "out" "lib" "dev" ];
    }`,
    ...differs,
  },
  {
    name: 'another mode',
    nix: 'script "echo > $out; if bb test -e /again; then bb chmod +x $out; fi" { }',
    ...differs,
  },
  {
    name: 'what was not built here',
    nix: 'script "echo > $out" { }',
    ...check,
    afterBuilding: forgetWhereFrom,
    status: 0,
    differs: { why: 'a check has a word of its own for it', result: 'Same' },
  },
  {
    name: 'what was not built here, and differs',
    nix: 'script "if bb test -e /again; then echo two; else echo one; fi > $out" { }',
    ...differs,
    afterBuilding: forgetWhereFrom,
  },
  {
    // Nix cannot run it as an ordinary user, but keeps what was made.
    name: 'a diff hook',
    nix: 'script "if bb test -e /again; then echo two; else echo one; fi > $out" { }',
    ...differs,
    settings: { ...check.settings, 'diff-hook': '/bin/echo', 'run-diff-hook': 'true' },
    said: [...differs.said, /(?<= differs from '[^']*)\/nix\/store\/[^']*\.check'$/m],
  },
  {
    name: 'a fixed output that comes out otherwise',
    nix: 'script "if bb test -e /again; then echo two; else printf promised; fi > $out" (fixed "promised")',
    ...check,
    status: 102,
    result: 'OutputRejected',
    differs: { why: 'the status newer versions give it', result: 'HashMismatch' },
    said: [/hash mismatch in fixed-output derivation '.*':\n\s*specified: .*\n\s*got: .*/],
  },
  {
    name: 'one that differs and one that fails',
    nix: `[
      (script "if bb test -e /again; then echo two; else echo one; fi > $out" { })
      (named "failing-beside" "if bb test -e /again; then exit 3; fi; echo > $out" { })
    ]`,
    ...differs,
    flags: ['--check', '--keep-going'],
    status: 108,
    said: [...differs.said.slice(1), /builder for '.*' failed with exit code 3/, bothFailed],
  },
  {
    name: 'one that differs and one that takes too long',
    nix: `[
      (named "slow-beside" "if bb test -e /again; then bb sleep 100; fi; echo > $out" { })
      (script "if bb test -e /again; then echo two; else echo one; fi > $out" { })
    ]`,
    ...differs,
    // Long enough for the one beside it to finish on any machine.
    settings: { ...check.settings, timeout: '10' },
    flags: ['--check', '--keep-going'],
    status: 109,
    result: 'TimedOut',
    said: [...differs.said.slice(1), /timed out after 10 seconds$/m, bothFailed],
  },
  {
    name: 'what was never built, like what it needs',
    nix: 'script "echo $dep > $out" { dep = named "never-built" "exit 1" { }; }',
    flags: ['--check'],
    status: 1,
    said: [/some outputs of '.*' are not valid, so checking is not possible/],
  },
  {
    name: 'what was never built',
    nix: 'script "echo > $out" { }',
    flags: ['--check'],
    status: 1,
    said: [/some outputs of '.*' are not valid, so checking is not possible/],
  },
  {
    name: 'a rebuild that fails',
    nix: 'script "if bb test -e /again; then exit 3; fi; echo > $out" { }',
    ...check,
    status: 100,
    result: 'PermanentFailure',
    said: [/builder for '.*' failed with exit code 3/],
  },
  {
    name: 'a rebuild that takes too long',
    nix: 'script "if bb test -e /again; then bb sleep 100; fi; echo > $out" { }',
    ...check,
    settings: { ...check.settings, timeout: '1' },
    status: 101,
    result: 'TimedOut',
    said: [/^error: building of '.*\.drv!\*' from \.drv file timed out after 1 seconds$/m],
  },
]);
