import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { after, test } from 'node:test';
import { makeBuildOptions } from '../../ts/build/options.js';
import { describeSandbox } from '../../ts/cli/commands/show-sandbox.js';
import { loadSettings } from '../../ts/config/load.js';
import { makeScratchPath } from '../../ts/formats/make-store-path.js';
import { native } from '../../ts/native.js';
import { launchSandbox } from '../../ts/sandbox/launch.js';
import { findSandboxSystem } from '../../ts/sandbox/sandbox-system.js';
import type { SandboxSpec } from '../../ts/sandbox/spec.js';
import { DarwinBuilds } from '../support/darwin-builds.js';
import { requires } from '../support/requires.js';
import { askSeatbelt, type SeatbeltQuestion } from '../support/seatbelt.js';
import { openTestStore } from '../support/stores.js';
import { temporaryDirectory } from '../support/temporary.js';

// Real derivations, real settings and a real hook on the way that they take on macOS, up to the launcher.
const directory = temporaryDirectory('darwin-builds');
const builds = await DarwinBuilds.open(directory);
after(() => builds[Symbol.asyncDispose]());
const { storeDir } = builds.store.directories;

// Root builds nothing on macOS.
const needs = process.getuid?.() === 0 ? { skip: 'for an ordinary user' } : requires('linux');
const needsGuile = needs.skip ? needs : requires('linux', 'program:guile');

function made(name: string, contents?: string): string {
  const path = join(directory, name);
  if (contents === undefined) mkdirSync(path);
  else writeFileSync(path, contents);
  return path;
}
function hook(name: string, text: string): string {
  const path = made(name, `#!/bin/sh\n${text}\n`);
  chmodSync(path, 0o755);
  return path;
}

type Row = readonly ['allow' | 'deny', ...SeatbeltQuestion];
function check(spec: SandboxSpec, rows: readonly Row[]): void {
  const answers = askSeatbelt(
    spec,
    rows.map(([, ...question]) => question),
  );
  assert.deepEqual(
    rows.map(([, ...question], i) => [answers[i], ...question]),
    rows,
  );
}

const shown = made('shown');
const impure = made('impure');
const tools = made('tools');
const real = made('real');
symlinkSync(real, join(directory, 'link'));
const closed = made('closed');
const settings = {
  'sandbox-paths': ['/bin/sh', shown, join(directory, 'link')],
  'allowed-impure-host-deps': [impure],
};

test(
  'from a derivation to its profile: settings, its own wishes and the reply of the hook',
  needsGuile,
  async () => {
    const text = builds.toFile('words.txt', 'words\n');
    const value = builds.script('whole', 'cat $text > $out; echo > $dev', {
      text,
      outputs: ['out', 'dev'],
      __impureHostDeps: [impure],
      __darwinAllowLocalNetworking: true,
    });
    // Its first argument is the derivation, and there is no second: no root is there to be filled.
    const asked = join(directory, 'asked');
    const preBuildHook = hook(
      'reply',
      `echo "$# $1" > ${asked}; printf 'extra-chroot-dirs\\n${tools}\\n\\n'`,
    );
    const spec = await builds.plan(value, { ...settings, 'pre-build-hook': preBuildHook });
    assert.equal(readFileSync(asked, 'utf8'), `1 ${value.drvPath}\n`);
    const buildDirectory = `${value.drvPath}.chroot/build`;
    assert.equal(spec.command.cwd, buildDirectory);
    assert.deepEqual(spec.backend?.kind === 'darwin-seatbelt' && spec.backend.parameters, [
      ['_NIX_BUILD_TOP', buildDirectory],
      ['_GLOBAL_TMP_DIR', '/tmp'],
      ['_ALLOW_LOCAL_NETWORKING', '1'],
    ]);
    const read = (path: string): SeatbeltQuestion => ['file-read-data', { path }];
    const write = (path: string): SeatbeltQuestion => ['file-write-data', { path }];
    check(spec, [
      ['allow', ...read(`${text}`)],
      ['deny', ...write(`${text}`)],
      ['allow', ...write(`${value}`)],
      ['allow', ...write(`${value.outputs['dev']}/x`)],
      ['allow', ...write(`${buildDirectory}/x`)],
      ['allow', 'file-read-metadata', { path: `${value.drvPath}.chroot` }],
      ['deny', ...read(`${value.drvPath}.chroot`)],
      ['deny', ...read(`${value.drvPath}`)],
      ['deny', ...read(`${storeDir}/${'0'.repeat(32)}-stranger`)],
      ['deny', ...write(`${storeDir}/x`)],
      ['allow', 'process-exec', { path: '/bin/sh' }],
      ['deny', 'process-exec', { path: '/bin/bash' }],
      ...[shown, impure, tools, real].flatMap((path): Row[] => [
        ['allow', ...read(`${path}/x`)],
        ['deny', ...write(`${path}/x`)],
      ]),
      // What a symlink is, and nothing else below its name.
      ['allow', ...read(join(directory, 'link'))],
      ['deny', ...read(`${closed}/x`)],
      ['deny', ...read(builds.store.directories.stateDir)],
      ['allow', 'network-outbound', { remote: 'localhost:80' }],
      ['deny', 'network-outbound', { remote: '192.0.2.1:443' }],
    ]);

    const without = await builds.plan(value, settings);
    check(without, [
      ['deny', ...read(`${tools}/x`)],
      ['allow', ...read(`${shown}/x`)],
    ]);
  },
);

test('`airplant show-sandbox` prints the profile, its parameters and the command', needs, async () => {
  const lines = describeSandbox(await builds.plan(builds.script('shown', 'true'), settings));
  assert.equal(lines[0], 'sandbox     what this profile allows:');
  for (const line of ['(version 1)', '(deny default (with no-log))', '; Inputs and host paths.']) {
    assert.ok(lines.includes(line), line);
  }
  assert.ok(lines.some((line) => line.startsWith(`  (subpath "${shown}")`)));
  assert.ok(lines.some((line) => /^parameter {3}_NIX_BUILD_TOP=.*-shown\.drv\.chroot\/build$/.test(line)));
  assert.ok(lines.includes('run         /bin/sh'));
  const open = describeSandbox(await builds.plan(builds.script('open', 'true'), { sandbox: false }));
  assert.match(open[0]!, /^sandbox {5}none.*with this profile/);
});

test('the derivation’s own profile with `relaxed` only', needsGuile, async () => {
  const profile = `(allow file-read* (subpath "${closed}"))`;
  const value = builds.script('own-profile', 'true', { __sandboxProfile: profile });
  await assert.rejects(builds.plan(value), { code: 'ERR_SANDBOX_PROFILE' });
  check(await builds.plan(value, { sandbox: 'relaxed' }), [
    ['allow', 'file-read-data', { path: `${closed}/x` }],
    ['deny', 'file-write-setugid', { path: `${value}` }],
  ]);
});

test(
  'a build: what its builder wrote to the store itself is moved, settled and registered',
  needs,
  async () => {
    const value = builds.script('built', 'pwd; echo "$TMPDIR"; echo "made by $out" > $out');
    const { result, log } = await builds.build(value, settings);
    assert.equal(result.error, undefined);
    const buildDirectory = `${value.drvPath}.chroot/build`;
    assert.equal(log, `${buildDirectory}\n${buildDirectory}\n`);
    assert.equal(readFileSync(`${value}`, 'utf8'), `made by ${value}\n`);
    assert.deepEqual(builds.store.pathInfo(`${value}`)?.references, [`${value}`]);
    assert.equal(result.isolation?.backend, 'darwin-seatbelt');
    assert.deepEqual([result.isolation.network, result.isolation.readOnlyInputs], ['none', true]);
    assert.equal(existsSync(`${value.drvPath}.chroot`), false);
  },
);

test(
  'an output that is valid stays: its builder writes elsewhere, and hashes are rewritten',
  needsGuile,
  async () => {
    const script = 'echo "dev of $out" > $dev; echo "out beside $dev" > $out; echo $dev';
    const value = builds.script('redirected', script, { outputs: ['out', 'dev'] });
    const dev = `${value.outputs['dev']}`;
    const source = made('made-elsewhere', 'made elsewhere');
    const { hash, narSize } = await native.hashTree(source, []);
    const narHash = { algorithm: 'sha256', hex: hash } as const;
    await builds.store.registerOutputs([{ path: dev, source, narHash, narSize, references: [] }]);

    const { result, log } = await builds.build(value);
    assert.equal(result.error, undefined);
    const told = makeScratchPath(storeDir, { drvPath: value.drvPath, path: dev });
    assert.equal(log, `${told}\n`);
    check(builds.sent.at(-1)!, [
      ['allow', 'file-write-data', { path: told }],
      ['deny', 'file-write-data', { path: dev }],
      ['deny', 'file-write-unlink', { path: dev }],
      ['allow', 'file-write-data', { path: `${value}` }],
    ]);
    assert.equal(readFileSync(dev, 'utf8'), 'made elsewhere');
    assert.equal(readFileSync(`${value}`, 'utf8'), `out beside ${dev}\n`);
    assert.equal(existsSync(told), false);
  },
);

test('a fixed output has the machine’s network, which is said and recorded', needsGuile, async () => {
  const fixed = {
    outputHashMode: 'flat',
    outputHashAlgo: 'sha256',
    outputHash: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  };
  const value = builds.script('fixed', ': > $out', fixed);
  const { result, warnings } = await builds.build(value, settings);
  assert.equal(result.error, undefined);
  assert.match(warnings.join('\n'), /use the network of this machine.*macOS has no network namespaces/);
  assert.equal(result.isolation?.network, 'host');
  assert.match(result.isolation.shortfalls.join('\n'), /The network of the host can be used/);
  check(builds.sent.at(-1)!, [['allow', 'network-outbound', { remote: '192.0.2.1:443' }]]);
  const own = builds.script('fixed-own', ': > $out', fixed);
  const refused = await builds.build(own, { ...settings, 'fixed-output-network': 'private' });
  assert.equal(refused.result.error?.code, 'ERR_SANDBOX_UNAVAILABLE');
});

test(
  'the launcher understands every field of what is sent, and carries it out on macOS alone',
  needs,
  async () => {
    await builds.build(builds.script('sent', 'echo > $out'));
    const spec = builds.sent.at(-1)!;
    assert.equal(basename(spec.command.cwd), 'build');
    await assert.rejects(launchSandbox(spec), { message: /backend: ENOTSUP/ });
  },
);

test('a store below a root is refused with a cure: nothing can show it at its place', needs, async () => {
  await using store = await openTestStore(join(directory, 'below'));
  const { settings: defaults } = loadSettings({ env: {}, layers: [] });
  const system = await findSandboxSystem('darwin');
  await assert.rejects(makeBuildOptions(defaults, store, {}, undefined, system), {
    code: 'ERR_SANDBOX_REQUIRED',
    hint: /NIX_STORE_DIR/,
  });
});
