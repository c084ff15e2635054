import { peerTable } from '../../support/peer-table.js';

// Fixed outputs with another content than was promised, or of another kind.
const mismatch = {
  status: 102,
  result: 'OutputRejected',
  said: [/^error: hash mismatch in fixed-output derivation '.*':\nspecified: \S+\ngot: +\S+$/m],
  differs: { why: 'the status newer versions give it', result: 'HashMismatch' },
} as const;
const bothFailed = /^error: build of '\/nix\/store\/\S+\.drv', '\/nix\/store\/\S+\.drv' failed$/m;
const recursive = `{ outputHashMode = "recursive"; outputHash = "sha256-CkMIecJm+LV/QJKg+TXPP6zUi7zN5XYNR0jKQFFx6Wk="; }`;

peerTable('hash mismatches', [
  { name: 'a flat file', nix: 'script "echo other > $out" (fixed "promised")', ...mismatch },
  { name: 'a directory', nix: `script "bb mkdir $out; echo other > $out/file" ${recursive}`, ...mismatch },
  {
    name: 'a flat file by SHA-1',
    nix: `script "echo other > $out" { outputHashAlgo = "sha1"; outputHash = "aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d"; }`,
    ...mismatch,
  },
  {
    name: 'no hash at all',
    nix: `script "echo other > $out" { outputHashAlgo = "sha256"; outputHash = ""; }`,
    ...mismatch,
  },
  {
    name: 'an input that is another than promised',
    nix: `script "bb cat $dep > $out" { dep = named "other" "echo other > $out" (fixed "promised"); }`,
    status: 102,
    result: 'DependencyFailed',
    said: mismatch.said,
  },
  {
    name: 'a directory instead of a flat file',
    nix: 'script "bb mkdir $out" (fixed "promised")',
    status: 1,
    result: 'OutputRejected',
    said: [/' should be a non-executable regular file since recursive hashing is not enabled/],
  },
  {
    name: 'an executable instead of a flat file',
    nix: 'script "printf promised > $out; bb chmod +x $out" (fixed "promised")',
    status: 1,
    result: 'OutputRejected',
    said: [/' should be a non-executable regular file since recursive hashing is not enabled/],
  },
  {
    // With the right hash, or a flat file, Nix 2.8 dies of an assertion.
    name: 'a mismatch and references',
    nix: `let dep = named "dep" "echo > $out" { }; in script "echo $dep > $out" (${recursive} // { inherit dep; })`,
    ...mismatch,
  },
  {
    name: 'a mismatch and a failure',
    nix: '[ (script "echo other > $out" (fixed "promised")) (named "fails" "exit 1" { }) ]',
    flags: ['--keep-going'],
    status: 102,
    said: [
      ...mismatch.said,
      /^error: builder for '\/nix\/store\/\w+-fails\.drv' failed with exit code 1$/m,
      bothFailed,
    ],
  },
  {
    name: 'a mismatch and a missing output',
    nix: '[ (script "echo other > $out" (fixed "promised")) (named "makes-nothing" "" { }) ]',
    flags: ['--keep-going'],
    status: 102,
    said: [
      ...mismatch.said,
      /^error: builder for '\/nix\/store\/\w+-makes-nothing\.drv' failed to produce output path for output 'out' at '/m,
      bothFailed,
    ],
  },
]);
