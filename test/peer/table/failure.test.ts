import { peerTable } from '../../support/peer-table.js';

// Of several that were wanted, in the order of their paths.
const lastWord = /^error: build of '\/nix\/store\/\S+\.drv', '\/nix\/store\/\S+\.drv' failed$/m;

// Of Nix 2.8 the log has more than words on the lines before.
const notExecuted = {
  status: 100,
  result: 'PermanentFailure',
  said: [/^error: builder for '.*' failed with exit code 1;\nlast (?=\d+ log lines:\n)/m],
} as const;

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
    ...notExecuted,
    said: [...notExecuted.said, /executing '\/bin\/nowhere': No such file or directory/],
  },
  {
    name: 'a builder that is no program',
    nix: 'script "" { builder = "/etc/passwd"; }',
    ...notExecuted,
    said: [...notExecuted.said, /executing '\/etc\/passwd': Permission denied/],
  },
  {
    name: 'a builder that is a directory',
    nix: 'script "" { builder = "/bin"; }',
    ...notExecuted,
    said: [...notExecuted.said, /executing '\/bin': Permission denied/],
  },
  {
    name: 'a builder below a file',
    nix: 'script "" { builder = "/bin/busybox/sh"; }',
    ...notExecuted,
    said: [...notExecuted.said, /executing '\/bin\/busybox\/sh': Not a directory/],
  },
  {
    name: 'a builder without a directory',
    nix: 'script "" { builder = "busybox"; }',
    status: 100,
    result: 'PermanentFailure',
    said: [/^error: builder for '.*' failed with exit code 1(?=;?$)/m],
  },
  {
    name: 'two that fail, and one that does not',
    nix: '[ (named "one" "exit 1" { }) (named "two" "exit 1" { }) (script "echo > $out" { }) ]',
    flags: ['--keep-going'],
    status: 100,
    said: [
      /^error: builder for '\/nix\/store\/\w+-one\.drv' failed with exit code 1$/m,
      /^error: builder for '\/nix\/store\/\w+-two\.drv' failed with exit code 1$/m,
      lastWord,
    ],
  },
  {
    name: 'one that fails, and one that is not begun on its account',
    nix: '[ (named "fails-first" "exit 1" { }) (script "echo > $out" { dep = named "never" "bb sleep 100; echo > $out" { }; }) ]',
    status: 100,
    said: [/^error: builder for '\/nix\/store\/\w+-fails-first\.drv' failed with exit code 1$/m, lastWord],
  },
  {
    name: 'the same output that is wanted twice',
    nix: 'let bad = named "wanted-twice" "exit 1" { }; in [ bad bad ]',
    status: 100,
    said: [/^error: builder for '\/nix\/store\/\w+-wanted-twice\.drv' failed with exit code 1\n(?!error)/m],
  },
]);
