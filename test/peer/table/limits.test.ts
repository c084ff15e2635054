import { peerTable } from '../../support/peer-table.js';

// Builders that take too long, are silent, or write too much.
const endless = 'while true; do echo tick; bb usleep 100000; done';

peerTable('time-outs and limits', [
  {
    name: 'too slow',
    nix: `script "${endless}" { }`,
    settings: { timeout: '1' },
    status: 101,
    result: 'TimedOut',
    said: [/ timed out after 1 seconds(?! of)/],
  },
  {
    name: 'silent from the beginning',
    nix: 'script "bb sleep 60" { }',
    settings: { 'max-silent-time': '1' },
    status: 101,
    result: 'TimedOut',
    said: [/ timed out after 1 seconds of silence/],
  },
  {
    name: 'silent after a while',
    nix: 'script "echo one; bb usleep 600000; echo two; bb usleep 600000; echo three; bb sleep 60" { }',
    settings: { 'max-silent-time': '1' },
    status: 101,
    result: 'TimedOut',
    said: [/ timed out after 1 seconds of silence/],
  },
  {
    name: 'talkative',
    nix: 'script "while true; do echo 0123456789; done" { }',
    settings: { 'max-build-log-size': '1000' },
    status: 1,
    result: 'LogLimitExceeded',
    said: [/ killed after writing more than 1000 bytes of log output/],
  },
  {
    name: 'a limit that is just kept',
    nix: 'script "bb printf %1000s x; echo > $out" { }',
    settings: { 'max-build-log-size': '1000', 'max-silent-time': '30', timeout: '30' },
    status: 0,
  },
  {
    name: 'a limit that is just broken',
    nix: 'script "bb printf %1001s x; echo > $out" { }',
    settings: { 'max-build-log-size': '1000' },
    status: 1,
    result: 'LogLimitExceeded',
    said: [/ killed after writing more than 1000 bytes of log output/],
  },
  {
    name: 'a dependency that is too slow',
    nix: 'script "echo $dep > $out" { dep = named "slow" "bb sleep 60" { }; }',
    settings: { timeout: '1' },
    status: 101,
    result: 'DependencyFailed',
    said: [/ timed out after 1 seconds(?! of)/],
  },
  // Long enough for the others to end by themselves on a busy machine.
  {
    name: 'a time-out and a hash mismatch',
    nix: '[ (named "slow-one" "bb sleep 60" { }) (script "echo other > $out" (fixed "promised")) ]',
    settings: { timeout: '5' },
    flags: ['--keep-going'],
    status: 103,
  },
  {
    name: 'a time-out and a failure',
    nix: '[ (named "slow-two" "bb sleep 60" { }) (script "exit 1" { }) ]',
    settings: { timeout: '5' },
    flags: ['--keep-going'],
    status: 101,
  },
  {
    name: 'a time-out, a hash mismatch, a failure and a missing output',
    nix: `[ (named "slow-three" "bb sleep 60" { }) (script "echo more > $out" (fixed "promised"))
            (named "fails" "exit 1" { }) (named "makes-nothing" "" { }) (named "succeeds" "echo > $out" { }) ]`,
    settings: { timeout: '5' },
    flags: ['--keep-going'],
    status: 103,
  },
]);
