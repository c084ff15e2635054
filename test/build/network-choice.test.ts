import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AirplantError } from '../../ts/base/errors.js';
import { NetworkChoice } from '../../ts/build/network-choice.js';
import { hostConnection } from '../../ts/sandbox/network.js';
import { networkError } from '../../ts/sandbox/network-failure.js';
import { sampleRequest } from '../sandbox/sample-request.js';

const options = { pasta: '', slirp4netns: '', timeoutSeconds: 1, searchPath: '' };
const auto = { ...sampleRequest, network: 'auto' } as const;
const helper = {
  connection: {
    kind: 'helper',
    helper: { program: '/pasta', argv: [], timeoutMilliseconds: 1, unreachable: [] },
    resolvConf: '',
  },
} as const;
const step = 'network-helper';
const refused = networkError({ step, errno: 'ECHILD', path: 'p: exited with status 1: Permission denied' });
const slow = networkError({ step, errno: 'ETIMEDOUT', path: 'p' });

test('a refusal of the machine is remembered, and warned of once', async () => {
  const choice = new NetworkChoice(options);
  assert.equal(choice.giveUpPrivate(refused, auto, helper), true);
  const chosen = await choice.connect(auto);
  assert.equal(chosen?.connection.kind, 'host');
  assert.match(chosen.instead!.cause, /Permission denied/);
  assert.match(choice.warning(chosen)!, /^fixed-output builds use the network of this machine/);
  assert.equal(choice.warning(chosen), undefined);
});

test('nothing else is, and nothing else lets go of the private network', async () => {
  const choice = new NetworkChoice(options);
  const hosts = { connection: hostConnection({ landlock: 6 }) };
  assert.equal(choice.giveUpPrivate(slow, auto, helper), false);
  assert.equal(choice.giveUpPrivate(new AirplantError('ERR_SYSTEM', 'x'), auto, helper), false);
  assert.equal(choice.giveUpPrivate(new Error('x'), auto, helper), false);
  assert.equal(choice.giveUpPrivate(refused, { ...auto, network: 'private' }, helper), false);
  assert.equal(choice.giveUpPrivate(refused, auto, hosts), false);
  assert.equal(choice.giveUpPrivate(refused, auto, undefined), false);
  await assert.rejects(choice.connect({ ...auto, network: 'private' }), { code: 'ERR_NETWORK_HELPER' });
  // What is chosen without trying names the missing programs, not what was thrown above.
  assert.match((await choice.connect(auto))!.instead!.cause, /are empty/);
  assert.equal(await choice.connect({ ...auto, network: 'none' }), undefined);
});
