import { peerTable } from '../../support/peer-table.js';

// Outputs that are missing, or are nothing that a store path can be.
const rejected = { status: 1, result: 'OutputRejected' } as const;
const unsupported = { ...rejected, said: [/has an unsupported type/] };

peerTable('bad outputs', [
  {
    name: 'no output',
    nix: 'script "" { }',
    ...rejected,
    said: [/builder for '.*' failed to produce output path for output 'out' at '/],
  },
  {
    name: 'one of three outputs is missing',
    nix: 'script "echo > $out; echo > $lib" { outputs = [ "out" "lib" "dev" ]; }',
    ...rejected,
    said: [/builder for '.*' failed to produce output path for output 'dev' at '/],
  },
  {
    name: 'two outputs are missing',
    nix: 'script "echo > $out" { outputs = [ "out" "lib" "dev" ]; }',
    ...rejected,
    said: [/builder for '.*' failed to produce output path for output 'dev' at '/],
  },
  { name: 'a FIFO', nix: 'script "bb mkfifo $out" { }', ...unsupported },
  {
    name: 'a FIFO deep inside',
    nix: 'script "bb mkdir -p $out/a/b; bb mkfifo $out/a/b/fifo" { }',
    ...unsupported,
  },
  {
    name: 'a socket',
    nix: 'script "make-socket $out" { PATH = "/bin"; }',
    program: 'make-socket',
    ...unsupported,
  },
  // The only device that anybody may make: what overlay file systems mark a deleted file with.
  { name: 'a device', nix: 'script "bb mknod $out c 0 0" { }', ...unsupported },
  {
    name: 'a group-writable file',
    nix: 'script "echo > $out; bb chmod 664 $out" { }',
    ...rejected,
    said: [/suspicious ownership or permission on '/, /' for output 'out'; rejecting this build output/],
  },
  {
    name: 'a directory that everybody may write to',
    nix: 'script "bb mkdir -m 777 $out" { }',
    ...rejected,
    said: [/suspicious ownership or permission on '/, /' for output 'out'; rejecting this build output/],
  },
  {
    name: 'a writable directory in an output',
    nix: 'script "bb mkdir $out; bb mkdir -m 777 $out/inside" { }',
    status: 0,
  },
  { name: 'a dangling link', nix: 'script "bb ln -s /nowhere $out" { }', status: 0 },
  {
    name: 'a link to another output',
    nix: 'script "echo > $lib; bb ln -s $lib $out" { outputs = [ "out" "lib" ]; }',
    status: 0,
  },
  {
    name: 'a link to itself',
    nix: 'script "bb ln -s $out $out" { }',
    status: 0,
  },
]);
