import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { isAirplantError } from '../../ts/base/errors.js';
import type { Identity } from '../../ts/sandbox/identity.js';
import { launchSandbox } from '../../ts/sandbox/launch.js';
import type { SandboxEntry, SandboxSpec } from '../../ts/sandbox/spec.js';
import { caller, manyIds, someRange, usualIdentity } from '../support/identities.js';
import { requires } from '../support/requires.js';
import { bind, freshDirectory, outputOf, runSpec, scriptSpec, usualEntries } from '../support/sandbox.js';

const needs = requires('user-namespaces', 'program:busybox', 'subordinate-ids');

const passwd: SandboxEntry = {
  kind: 'file',
  target: '/etc/passwd',
  mode: 0o644,
  contents: 'root:x:0:0::/:/bin/sh\nseven:x:7:8::/:/bin/sh\n',
  why: 'test',
};

/** A directory of ours that is the builder's /place while it lives. */
function given(): { directory: string; more: Partial<SandboxSpec> } {
  const directory = freshDirectory('given');
  writeFileSync(join(directory, 'ours'), 'ours');
  const work = bind(directory, '/place', { readOnly: false, follow: false, forBuilder: true } as never);
  return { directory, more: { ...manyIds(), entries: [...usualEntries(), passwd, work] } };
}

/** Owners of everything in a directory, as `user:group`; also below what only its owner may enter. */
function ownersIn(directory: string): string[] {
  spawnSync('chmod', ['-R', 'u+rwX', directory]);
  const { stdout, stderr } = spawnSync('find', [directory, '-printf', '%U:%G\n'], { encoding: 'utf8' });
  assert.equal(stderr, '');
  return [...new Set(stdout.trim().split('\n'))];
}

const ours = [`${caller.uid}:${caller.gid}`];

describe('a builder with a range of ids', needs, () => {
  test('is root among them, and they are all there is', async () => {
    const script = 'id -u; id -g; id -G; cat /proc/self/uid_map /proc/self/gid_map /proc/self/setgroups';
    const seen = (await outputOf(script, manyIds())).replace(/ +/g, ' ');
    assert.equal(seen, '0\n0\n0\n 0 0 65536\n 0 0 65536\nallow');
  });

  test('is nobody’s but its own outside', async () => {
    const { pid, exit, kill } = await launchSandbox(scriptSpec('sleep 1000', manyIds()), {});
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    assert.match(status, new RegExp(`^Uid:${`\t${someRange.uid}`.repeat(4)}$`, 'm'));
    assert.match(status, new RegExp(`^Gid:${`\t${someRange.gid}`.repeat(4)}$`, 'm'));
    assert.match(status, /^Groups:\t ?$/m);
    kill();
    assert.equal((await exit).kind, 'killed');
  });

  test('gives files to others of its ids, and acts as them', async () => {
    const script = `
      touch /place/a; chown 7:65535 /place/a; stat -c %u:%g /place/a /place/ours /place
      su seven -s /bin/sh -c 'id -u; id -g; id -G'; chown 65536 /place/a 2>&1`;
    const { log } = await runSpec(scriptSpec(script, given().more));
    assert.equal(log, '7:65535\n0:0\n0:0\n7\n8\n8\nchown: /place/a: Invalid argument\n');
  });

  test('has no rights on files of the caller, not even in the directories it sees', async () => {
    const secret = freshDirectory('secret');
    writeFileSync(join(secret, 'secret'), 'secret', { mode: 0o600 });
    const { more } = given();
    const entries = [...more.entries!, bind(secret, '/secret', { readOnly: false })];
    const script =
      'cat /secret/secret; echo x >/secret/new; chown 0 /secret/secret; chmod 777 /secret; stat -c %u /secret';
    const { log } = await runSpec(scriptSpec(script, { ...more, entries }));
    assert.equal(log.match(/Permission denied|Operation not permitted|Invalid argument/g)?.length, 4, log);
    assert.match(log, /^65534$/m);
  });

  test('takes no mount away and makes none writable, with every capability', async () => {
    const script = `
      grep Cap /proc/self/status; grep NoNew /proc/self/status
      mount -o remount,rw,bind /bin/busybox 2>&1; umount /bin/busybox 2>&1; umount /proc 2>&1; hostname other 2>&1
      mount -t tmpfs tmpfs /tmp && echo mounted`;
    const { log } = await runSpec(scriptSpec(script, manyIds()));
    assert.match(log, /^CapEff:\t0*[1-9a-f]f+$/m);
    assert.match(log, /^CapInh:\t0+$/m);
    assert.match(log, /^NoNewPrivs:\t1$/m);
    assert.equal(log.match(/permission denied|not permitted|Invalid argument/gi)?.length, 4, log);
    assert.match(log, /mounted$/m);
  });

  test('cannot mount anything where it may make no namespaces, and can be several users still', async () => {
    const script =
      'mount -t tmpfs tmpfs /tmp 2>&1; unshare -U true 2>&1; touch /tmp/a; chown 5:5 /tmp/a; stat -c %u /tmp/a';
    const spec = scriptSpec(script, manyIds());
    const { log } = await runSpec({ ...spec, namespaces: { ...spec.namespaces, nested: false } });
    assert.match(log, /^mount: .*(permission denied|not permitted)/im);
    assert.match(log, /^unshare: .*(No space|not permitted)/im);
    assert.match(log, /^5$/m);
  });

  test('can open its log by name', async () => {
    assert.equal(
      await outputOf('echo out >/dev/stdout; echo err >/dev/stderr', {
        ...manyIds(),
        entries: [
          ...usualEntries(),
          { kind: 'symlink', target: '/dev/stdout', to: '/proc/self/fd/1', why: 'test' },
          { kind: 'symlink', target: '/dev/stderr', to: '/proc/self/fd/2', why: 'test' },
        ],
      }),
      'out\nerr',
    );
  });

  test('is asked to end, whoever its processes are', async () => {
    const script = `
      su seven -s /bin/sh -c '
        trap "echo seven tidied; exit" TERM; touch /tmp/seven; while :; do sleep 0.05; done' &
      trap 'wait; echo tidied; exit' TERM
      until [ -e /tmp/seven ]; do sleep 0.05; done; echo ready; while :; do sleep 0.05; done`;
    const abort = new AbortController();
    let log = '';
    const sandbox = await launchSandbox(scriptSpec(script, given().more), {
      signal: abort.signal,
      graceSeconds: 60,
      onLog: (chunk) => {
        log += Buffer.from(chunk).toString();
        if (log.includes('ready')) abort.abort();
      },
    });
    assert.equal((await sandbox.exit).kind, 'killed');
    assert.match(log, /seven tidied/);
    assert.match(log, /^tidied/m);
  });
});

/** Whatever is hard to clean up. */
const hostile = `
  cd /place; mkdir -p a/b many odd; echo x >a/f; ln a/f a/g; ln -s /nowhere a/l; ln -s ../ours a/m; mkfifo a/p
  (cd many; seq 5000 | xargs mkdir; for i in 1 4999; do echo x >$i/f; chown 9:9 $i/f $i; done)
  touch "odd/$(printf 'a\\n\\377b')"; chown -R 5:7 odd many a; chown -h 6:6 a/l; chmod 0 a/f a/b a odd
  i=0; while [ $i -lt 300 ]; do mkdir d; cd d; i=$((i+1)); done; touch x; chown 65535:65535 x .; chmod 0 .`;

describe('what a builder with a range of ids leaves', needs, () => {
  test('is the caller’s as soon as it is dead', async () => {
    const { directory, more } = given();
    const { log, exit } = await runSpec(scriptSpec(hostile, more));
    assert.equal(exit.kind === 'exited' && exit.status, 0, log);
    assert.deepEqual(ownersIn(directory), ours);
  });

  test('CVE-2021-27851: is given and taken back without what it links to', async () => {
    const { directory, more } = given();
    const host = freshDirectory('linked-to');
    const canary = join(host, 'canary');
    writeFileSync(canary, 'ours', { mode: 0o666 });
    symlinkSync(canary, join(directory, 'given'));
    const before = statSync(canary, { bigint: true });
    const shown = bind(host, '/shown', { readOnly: false });
    const script = `
      stat -c %u /shown/canary; stat -c %u /place/given
      ln -s ${canary} /place/taken; ln -s ${host} /place/directory; ln -s /shown/canary /place/seen
      ln /shown/canary /place/hard 2>&1`;
    const { log } = await runSpec(scriptSpec(script, { ...more, entries: [...more.entries!, shown] }));
    assert.match(
      log,
      /^65534\n0\nln: .*(cross-device link|not permitted)/i,
      'the links alone are the builder’s',
    );
    assert.deepEqual(readdirSync(directory).sort(), ['directory', 'given', 'ours', 'seen', 'taken']);
    // Also to give a file to its owner is a change.
    assert.equal(statSync(canary, { bigint: true }).ctimeNs, before.ctimeNs);
    assert.deepEqual([...ownersIn(directory), ...ownersIn(host)], [...ours, ...ours]);
  });

  test('also in a root that is a directory, if the builder cannot be started, and when it is killed', async () => {
    const { directory, more } = given();
    const spec = () => {
      const root = freshDirectory('root');
      mkdirSync(join(root, 'made'));
      return scriptSpec(`${hostile}; echo ready; sleep 1000`, {
        ...more,
        root: { kind: 'directory', path: root },
      });
    };
    const owners = ({ root }: SandboxSpec) => [
      ...ownersIn(directory),
      ...ownersIn(root.kind === 'directory' ? root.path : ''),
    ];
    const missing = spec();
    await assert.rejects(runSpec({ ...missing, command: { ...missing.command, path: '/none' } }), (error) =>
      isAirplantError(error, 'ERR_BUILDER_MISSING'),
    );
    assert.deepEqual(owners(missing), [...ours, ...ours]);
    const killed = spec();
    const abort = new AbortController();
    const onLog = (chunk: Uint8Array) => {
      if (Buffer.from(chunk).includes('ready')) abort.abort();
    };
    const { exit } = await launchSandbox(killed, { signal: abort.signal, onLog });
    assert.equal((await exit).kind, 'killed');
    assert.deepEqual(owners(killed), [...ours, ...ours]);
  });
});

/** Builders find files with names outside their directories, and make links of their own. */
async function assertLinkedFilesStay(identity: Identity) {
  const { directory, more } = given();
  const root = freshDirectory('root');
  const original = join(freshDirectory('outside'), 'original');
  writeFileSync(original, 'original\n', { mode: 0o644 });
  for (const tree of [root, directory]) linkSync(original, join(tree, 'linked'));
  const before = statSync(original, { bigint: true });
  const script = `
    for f in /linked /place/linked; do stat -c %u $f; cat $f; echo x >>$f; chmod 777 $f; chown 0 $f; done 2>&1
    cd /place; echo x >own; ln own other; ln ours again && stat -c %h own again`;
  const { log } = await runSpec(
    scriptSpec(script, { ...more, ...identity, root: { kind: 'directory', path: root } }),
  );
  const { uid, gid, mode, ctimeNs } = statSync(original, { bigint: true });
  assert.deepEqual(
    { uid, gid, mode, ctimeNs },
    { uid: before.uid, gid: before.gid, mode: before.mode, ctimeNs: before.ctimeNs },
  );
  assert.equal(log.match(/^65534$/gm)?.length, 2, log);
  assert.equal(log.match(/^original$/gm)?.length, 2, log);
  assert.equal(log.match(/ermission denied|not permitted|Invalid argument/g)?.length, 6, log);
  assert.match(log, /^2\n2\n$/m);
  assert.deepEqual([...ownersIn(directory), ...ownersIn(root)], [...ours, ...ours]);
}

test(
  'files of the caller with names elsewhere stay as they are, and a builder’s links come back',
  needs,
  () => assertLinkedFilesStay(manyIds()),
);

test(
  'as root: files of root with names elsewhere stay as they are, and a builder’s links come back',
  requires('root', 'user-namespaces', 'program:busybox'),
  () => assertLinkedFilesStay(usualIdentity),
);
