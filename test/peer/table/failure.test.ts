import { peerTable } from '../../support/peer-table.js';

// Builders that fail.
peerTable('failing builders', [
  {
    name: 'an exit code',
    nix: 'script "echo one; echo two; exit 3" { }',
    status: 100,
    result: 'PermanentFailure',
    said: [/builder for '.*' failed with exit code 3;\nlast 2 log lines:\n> one\n> two\n/],
  },
  {
    name: 'a signal',
    // Nix's builders are PID 1, which nothing but the kernel can end with a signal.
    nix: 'script "ulimit -s 64; again() { again; }; again" { }',
    status: 100,
    result: 'PermanentFailure',
    said: [/builder for '.*' failed due to signal 11 \(Segmentation fault\)/],
  },
  {
    name: 'a dependency that fails',
    nix: 'script "echo $dep > $out" { dep = named "dependency" "exit 4" { }; }',
    status: 100,
    result: 'DependencyFailed',
    said: [
      /builder for '.*-dependency.drv' failed with exit code 4/,
      /1 dependencies of derivation '.*-a-dependency-that-fails.drv' failed to build/,
    ],
  },
  {
    name: 'two dependencies that fail, one through another',
    nix: `let bad = named "bad" "exit 4" { }; through = named "through" "" { inherit bad; }; in
          script "" { inherit through; other = named "other" "exit 5" { }; good = named "good" "echo > $out" { }; }`,
    flags: ['--keep-going'],
    status: 100,
    result: 'DependencyFailed',
    said: [
      /2 dependencies of derivation '.*-two-dependencies-that-fail-one-through-another.drv' failed to build/,
    ],
  },
  {
    name: 'a builder of a fixed output',
    nix: 'script "exit 5" (fixed "x")',
    status: 1,
    result: 'TransientFailure',
    said: [/builder for '.*' failed with exit code 5/],
  },
  {
    name: 'a builder that is not there',
    nix: 'script "" { builder = "/bin/nowhere"; }',
    status: 100,
    result: 'PermanentFailure',
  },
  {
    name: 'two that fail, and one that does not',
    nix: '[ (named "one" "exit 1" { }) (named "two" "exit 1" { }) (script "echo > $out" { }) ]',
    flags: ['--keep-going'],
    status: 100,
  },
]);
