import { peerTable } from '../../support/peer-table.js';

// Builders that take too long, are silent, or write too much.
const endless = 'while true; do echo tick; bb usleep 100000; done';

/** `outputs`: those that were wanted. */
function timedOut(name: string, limit = '1 seconds', outputs = '\\*'): RegExp {
  return new RegExp(
    `^error: building of '/nix/store/\\w+-${name}\\.drv!${outputs}' from \\.drv file timed out after ${limit}$`,
    'm',
  );
}

function failed(name: string): RegExp {
  return new RegExp(`^error: builder for '/nix/store/\\w+-${name}\\.drv' failed with exit code 1$`, 'm');
}

function mismatch(name: string): RegExp {
  return new RegExp(
    `^error: hash mismatch in fixed-output derivation '/nix/store/\\w+-${name}\\.drv':\nspecified: \\S+\ngot: +\\S+$`,
    'm',
  );
}

/** Nix's last word, where as many derivations that were asked for have failed. */
function buildOf(count: number): RegExp {
  return new RegExp(`^error: build of ('/nix/store/\\S+\\.drv'(, )?){${count}} failed$`, 'm');
}

const wroteTooMuch =
  /^error: building of '\/nix\/store\/\S+\.drv!\*' from \.drv file killed after writing more than 1000 bytes of log output$/m;

peerTable('time-outs and limits', [
  {
    name: 'too slow',
    nix: `script "${endless}" { }`,
    settings: { timeout: '1' },
    status: 101,
    result: 'TimedOut',
    said: [timedOut('too-slow')],
  },
  {
    name: 'silent from the beginning',
    nix: 'script "bb sleep 60" { }',
    settings: { 'max-silent-time': '1' },
    status: 101,
    result: 'TimedOut',
    said: [timedOut('silent-from-the-beginning', '1 seconds of silence')],
  },
  {
    name: 'silent after a while',
    nix: 'script "echo one; bb usleep 600000; echo two; bb usleep 600000; echo three; bb sleep 60" { }',
    settings: { 'max-silent-time': '1' },
    status: 101,
    result: 'TimedOut',
    said: [timedOut('silent-after-a-while', '1 seconds of silence')],
  },
  {
    name: 'talkative',
    nix: 'script "while true; do echo 0123456789; done" { }',
    settings: { 'max-build-log-size': '1000' },
    status: 1,
    result: 'LogLimitExceeded',
    said: [wroteTooMuch],
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
    said: [wroteTooMuch],
  },
  {
    name: 'a dependency that is too slow',
    nix: 'script "echo $dep > $out" { dep = named "slow" "bb sleep 60" { }; }',
    settings: { timeout: '1' },
    status: 101,
    result: 'DependencyFailed',
    said: [
      timedOut('slow', '1 seconds', 'out'),
      /^error: 1 dependencies of derivation '\/nix\/store\/\w+-a-dependency-that-is-too-slow\.drv' failed to build$/m,
    ],
  },
  {
    name: 'a dependency of which two outputs are needed',
    nix: `let slow = named "slow-outputs" "bb sleep 60" { outputs = [ "out" "dev" "lib" ]; }; in
          script "" { one = slow.lib; two = slow.dev; }`,
    settings: { timeout: '1' },
    status: 101,
    result: 'DependencyFailed',
    said: [timedOut('slow-outputs', '1 seconds', 'dev,lib')],
  },
  // Long enough for the others to end by themselves on a busy machine.
  {
    name: 'a time-out and a hash mismatch',
    nix: '[ (named "slow-one" "bb sleep 60" { }) (script "echo other > $out" (fixed "promised")) ]',
    settings: { timeout: '5' },
    flags: ['--keep-going'],
    status: 103,
    said: [timedOut('slow-one', '5 seconds'), mismatch('a-time-out-and-a-hash-mismatch'), buildOf(2)],
  },
  {
    name: 'a time-out and a failure',
    nix: '[ (named "slow-two" "bb sleep 60" { }) (script "exit 1" { }) ]',
    settings: { timeout: '5' },
    flags: ['--keep-going'],
    status: 101,
    said: [timedOut('slow-two', '5 seconds'), failed('a-time-out-and-a-failure'), buildOf(2)],
  },
  {
    name: 'a time-out, a hash mismatch, a failure and a missing output',
    nix: `[ (named "slow-three" "bb sleep 60" { }) (script "echo more > $out" (fixed "promised"))
            (named "fails" "exit 1" { }) (named "makes-nothing" "" { }) (named "succeeds" "echo > $out" { }) ]`,
    settings: { timeout: '5' },
    flags: ['--keep-going'],
    status: 103,
    said: [
      timedOut('slow-three', '5 seconds'),
      mismatch('a-time-out-a-hash-mismatch-a-failure-and-a-missing-output'),
      failed('fails'),
      /^error: builder for '\/nix\/store\/\w+-makes-nothing\.drv' failed to produce output path for output 'out' at '/m,
      buildOf(4),
    ],
  },
]);
