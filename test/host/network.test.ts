import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { native } from '../../ts/native.js';
import { compileFixture } from '../support/compile.js';
import { buildInScene, type SceneResult, scene } from '../support/network-scene.js';
import { requires } from '../support/requires.js';
import { freshDirectory } from '../support/sandbox.js';

// Fixed-output builds and what they reach, in a network made for it.
const programs = ['program:busybox', 'program:cc', 'program:ip', 'program:nsenter', 'veth'] as const;
const withPasta = requires('user-namespaces', 'tun', ...programs, 'program:pasta');
const withSlirp = requires('user-namespaces', 'tun', ...programs, 'program:slirp4netns');
const withHost = requires('user-namespaces', ...programs);
const withPretendedTun = requires('user-namespaces', 'tun-file', ...programs);

const { peer, peer6, metadata, port, abstractSocket } = scene;

/** Everything somebody might try to reach, one line each. */
const everything = `
  try() { printf '%s: ' "$*"; /network "$@"; }
  try tcp ${peer} ${port}
  try tcp ${peer6} ${port}
  printf 'name somewhere.example: '
  bb nslookup -type=a somewhere.example | bb grep -o '192[.0-9]*77' || echo unknown
  try tcp 127.0.0.1 ${port}
  try tcp ::1 ${port}
  try tcp 10.0.2.2 ${port}
  try tcp fd6f:1c3d:72aa::2 ${port}
  try tcp ${metadata} ${port}
  try abstract ${abstractSocket}
`;

/** Serves a port on every address there is, for a while. */
const knockAt = 7070;
const listening = `
  bb nc -ll -p ${knockAt} -e /bin/busybox echo from the build & server=$!
  until bb netstat -tln | bb grep -q :${knockAt}; do bb sleep 0.05; done
  echo listening; bb sleep 3; kill $server`;

function settings(more: Record<string, unknown>) {
  return { 'sandbox-paths': ['/bin/busybox', `/network=${compileFixture('network')}`], ...more };
}

/** What came of each attempt, by what was attempted. */
function outcomes({ log, error }: SceneResult): Record<string, string> {
  assert.equal(error, undefined, log);
  const lines = log.trimEnd().split('\n');
  return Object.fromEntries(lines.map((line) => line.split(/: (.*)/).slice(0, 2) as [string, string]));
}

for (const [name, helper, needs] of [
  ['pasta', { 'slirp4netns-path': '' }, withPasta],
  ['slirp4netns', { 'pasta-path': '' }, withSlirp],
] as const) {
  test(`with ${name}, a fixed-output build reaches the world and nothing of the host`, needs, () => {
    const [result] = buildInScene([
      { script: everything, settings: settings({ ...helper, 'fixed-output-network': 'private' }) },
    ]);
    const { [`tcp ${peer6} ${port}`]: overIpv6, ...others } = outcomes(result!);
    assert.deepEqual(others, {
      [`tcp ${peer} ${port}`]: `heard ${peer}`,
      'name somewhere.example': '192.0.2.77',
      [`tcp 127.0.0.1 ${port}`]: 'ECONNREFUSED',
      [`tcp ::1 ${port}`]: 'ECONNREFUSED',
      [`tcp 10.0.2.2 ${port}`]: others[`tcp 10.0.2.2 ${port}`],
      [`tcp fd6f:1c3d:72aa::2 ${port}`]: others[`tcp fd6f:1c3d:72aa::2 ${port}`],
      [`tcp ${metadata} ${port}`]: 'EHOSTUNREACH',
      [`abstract ${abstractSocket}`]: 'ECONNREFUSED',
    });
    assert.doesNotMatch(others[`tcp 10.0.2.2 ${port}`]!, /heard/);
    assert.doesNotMatch(others[`tcp fd6f:1c3d:72aa::2 ${port}`]!, /heard/);
    // slirp4netns calls its own IPv6 experimental, so it is left off.
    assert.equal(overIpv6, name === 'pasta' ? `heard ${peer6}` : 'ENETUNREACH');
    assert.equal(result!.isolation?.network, 'private');
    // What this machine's own limits take away has nothing to do with networks.
    const shortfalls = result!.isolation!.shortfalls.filter((sentence) => !sentence.startsWith('The limit '));
    assert.deepEqual(shortfalls, []);
    assert.deepEqual(result!.warnings, []);
  });

  test(`with ${name}, nobody on the host reaches what listens in a build`, needs, () => {
    const [inside, onHost] = buildInScene([
      { script: listening, knockAt, settings: settings({ ...helper, 'fixed-output-network': 'private' }) },
      { script: listening, knockAt, settings: settings({ 'fixed-output-network': 'host' }) },
    ]);
    assert.equal(inside!.error, undefined);
    assert.match(inside!.log, /listening/);
    assert.equal(inside!.heard, '');
    assert.match(onHost!.heard, /^from the build\n/, 'the control: on the network of the host they do');
  });

  test(`with ${name}, a builder finds the same interface everywhere, ready before it starts`, needs, () => {
    const script =
      'bb ip link show dev eth0; bb ip -4 addr show dev eth0; bb ip route; bb cat /etc/resolv.conf';
    const [result] = buildInScene([
      { script, settings: settings({ ...helper, 'fixed-output-network': 'private' }) },
    ]);
    assert.match(result!.log, /^2: eth0: <[A-Z,_]*\bUP\b/);
    assert.match(result!.log, /link\/ether 52:54:00:12:34:56 /);
    assert.match(result!.log, /inet 10\.0\.2\.100\/24 /);
    assert.match(result!.log, /default via 10\.0\.2\.2 dev eth0/);
    assert.match(result!.log, /^nameserver 10\.0\.2\.3$/m);
  });
}

test(
  'what is out of reach in a network of its own is within reach on the host: the control',
  withHost,
  () => {
    const [result] = buildInScene([
      { script: everything, settings: settings({ 'fixed-output-network': 'host' }) },
    ]);
    const all = outcomes(result!);
    for (const reached of [peer, peer6, '127.0.0.1', '::1', metadata]) {
      assert.equal(all[`tcp ${reached} ${port}`], `heard ${reached}`);
    }
    assert.equal(all['name somewhere.example'], '192.0.2.77');
    const scoped = native.landlockAbi() >= 6;
    assert.equal(all[`abstract ${abstractSocket}`], scoped ? 'EPERM' : `heard ${abstractSocket}`);
    assert.equal(result!.isolation?.network, 'host');
    assert.match(result!.isolation!.shortfalls.join(' '), /network of the host/);
    // Nothing was fallen back from.
    assert.deepEqual(result!.warnings, []);
  },
);

test('what this machine has not got is told, and with `auto` fallen back from', withPretendedTun, () => {
  const script = `/network tcp 127.0.0.1 ${port}`;
  const bad = helper('echo "Failed to open() /dev/net/tun: Permission denied" >&2; exit 1');
  const missing = { 'pasta-path': 'no-such-pasta', 'slirp4netns-path': '' };
  // What the first try has locked is not in the way of the second.
  const writable = { 'writable-sandbox-paths': [`/shared=${freshDirectory('shared')}`] };
  const [refused, fellBack, brokenRefused, brokenFellBack] = buildInScene(
    [
      { script, settings: settings({ ...missing, 'fixed-output-network': 'private' }) },
      { script, settings: settings(missing) },
      { script, settings: settings({ 'pasta-path': bad, 'fixed-output-network': 'private' }) },
      { script, settings: settings({ 'pasta-path': bad, ...writable }) },
    ],
    { pretendTun: true },
  );
  for (const failed of [refused!, brokenRefused!]) {
    assert.equal(failed.error?.code, 'ERR_NETWORK_HELPER');
    assert.equal(failed.log, '');
    assert.deepEqual(failed.warnings, []);
  }
  assert.match(refused!.error!.message, /There is no program 'no-such-pasta'/);
  assert.match(refused!.error!.hint, /apt install passt/);
  assert.match(brokenRefused!.error!.message, /Permission denied/);
  for (const built of [fellBack!, brokenFellBack!]) {
    assert.equal(built.error, undefined);
    assert.equal(built.log, 'heard 127.0.0.1\n');
    assert.equal(built.warnings.length, 1);
    assert.match(built.warnings[0]!, /^fixed-output builds use the network of this machine/);
    assert.equal(built.isolation?.network, 'host');
    assert.ok(
      built.isolation?.shortfalls.some((sentence) => /^It has no network of its own: /.test(sentence)),
    );
  }
});

test(
  'what another build can bring about fails a build with `auto`, and opens nothing',
  withPretendedTun,
  () => {
    const script = `/network tcp 127.0.0.1 ${port}`;
    const scripts = {
      hangs: 'exec sleep 1000',
      memory: 'echo "mmap: Cannot allocate memory" >&2; exit 1',
      processes: 'echo "fork: Resource temporarily unavailable" >&2; exit 1',
      descriptors: 'echo "open /dev/net/tun: Too many open files" >&2; exit 1',
      killed: 'kill -KILL $$',
      silent: 'exit 1',
    };
    const results = buildInScene(
      Object.values(scripts).map((text) => ({
        script,
        settings: settings({ 'pasta-path': helper(text), 'network-helper-timeout': 1 }),
      })),
      { pretendTun: true },
    );
    for (const [index, name] of Object.keys(scripts).entries()) {
      const { error, log, warnings } = results[index]!;
      assert.equal(error?.code, 'ERR_NETWORK_HELPER', name);
      assert.match(error.hint, /^Build it again/, name);
      assert.deepEqual([log, warnings], ['', []], name);
    }
  },
);

/** Path of a helper that is a shell script. */
function helper(script: string): string {
  const path = join(freshDirectory('helper'), 'helper');
  writeFileSync(path, `#!/bin/sh\nPATH=/usr/bin:/bin\n${script}\n`, { mode: 0o755 });
  return path;
}
