import assert from 'node:assert/strict';
import { test } from 'node:test';
import { factsOf } from '../../../ts/build/check/build-facts.js';
import { sampleRequest } from '../../sandbox/sample-request.js';

const times = { startedAt: 1_000_000, stoppedAt: 1_000_005 };
const factsWith = (more: object) => factsOf({ ...sampleRequest, ...more }, '/build', times);

test('nothing of what is built, or by what, is among the facts', () => {
  const another = {
    name: 'random-and-dated',
    builder: '/bin/python',
    args: ['-c', 'print(time.time())'],
    env: [...sampleRequest.env, ['SOURCE_DATE_EPOCH', '0'], ['PYTHONHASHSEED', '0']],
    files: [{ name: 'timestamps', contents: Buffer.from('now') }],
    inputs: ['/nix/store/00000000000000000000000000000003-racy'],
    rewrites: [],
    hostPaths: [],
    features: ['kvm'],
  };
  assert.deepEqual(factsWith(another), factsWith({}));
});

test('what a check can vary is, with the value that it had', () => {
  const { env } = sampleRequest;
  const facts = factsWith({
    env: [...env, ['LANG', 'C'], ['LC_ALL', 'de_DE'], ['NIX_BUILD_CORES', '3'], ['LANGUAGES', 'x']],
    personality: 0,
    variation: { firstProcess: 77, processors: [0, 2], umask: 0o077 },
  });
  assert.deepEqual(
    [facts.locale, facts.buildCores, facts.randomAddresses, facts.pids, facts.cores, facts.umask],
    [{ LANG: 'C', LC_ALL: 'de_DE' }, 3, true, [77], 2, 0o077],
  );
});
