import assert from 'node:assert/strict';
import { test } from 'node:test';
import { statusOf } from '../../ts/build/outcome.js';
import { networkError } from '../../ts/sandbox/network-failure.js';

const ended = (words: string) => ({ errno: 'ECHILD', path: `/usr/bin/pasta: ${words}` });

const ofTheMachine = [
  ended('exited with status 127: No such file or directory'),
  ended('exited with status 127: Exec format error'),
  ended('exited with status 1: Failed to open() /dev/net/tun: Permission denied\n'),
  ended("exited with status 1: Couldn't switch to pasta namespaces: Operation not permitted"),
  ended('exited with status 1: open("/dev/net/tun"): No such device\nchild failed(1)'),
  ended('exited with status 1: setns: Function not implemented'),
  { errno: 'EACCES', path: '/proc/self/ns/net' },
  { errno: 'EAFNOSUPPORT', path: '' },
];

// Each of them an ordinary process of the same user can bring about.
const ofTheMoment = [
  { errno: 'ETIMEDOUT', path: '/usr/bin/pasta' },
  { errno: 'EAGAIN', path: '' },
  { errno: 'ENOMEM', path: '' },
  { errno: 'EMFILE', path: '/proc/self/ns/net' },
  { errno: 'ENFILE', path: '' },
  { errno: 'ENOBUFS', path: '' },
  { errno: 'ENOSPC', path: '' },
  { errno: 'EPIPE', path: '' },
  ended('killed by signal 9'),
  ended('killed by signal 31: Permission denied'),
  ended('its keeper was killed'),
  ended('exited with status 1'),
  ended('exited with status 1: something else'),
  ended('exited with status 127: Cannot allocate memory'),
  ended('exited with status 1: Failed to clone process: Resource temporarily unavailable'),
  ended('exited with status 1: unshare: No space left on device'),
  // Where both are named, the weaker reading would open the host's network.
  ended('exited with status 1: open /dev/net/tun: Too many open files; setns: Operation not permitted'),
];

test('a failed network is the fault of the machine, or of the moment', () => {
  for (const [failures, machine] of [
    [ofTheMachine, true],
    [ofTheMoment, false],
  ] as const) {
    for (const { errno, path } of failures) {
      const error = networkError({ step: 'network-helper', errno, path });
      assert.equal(error.code, 'ERR_NETWORK_HELPER');
      assert.equal(error.details['machine'], machine, error.message);
      assert.equal(error.hint.startsWith('Build it again'), !machine, error.message);
      assert.equal(statusOf(error), machine ? 'MiscFailure' : 'TransientFailure');
    }
  }
});
