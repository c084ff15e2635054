import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isAirplantError } from '../../ts/base/errors.js';
import { decodeText } from '../../ts/base/text.js';
import type { BuildOptions } from '../../ts/build/options.js';
import { makeRequest } from '../../ts/build/request.js';
import { createEvaluator, evaluatedObjects } from '../../ts/derivation/author/evaluator.js';
import type { AnyDerivation } from '../../ts/derivation/author/values.js';
import { type DarwinPlace, planDarwinSandbox, planDarwinUnsealed } from '../../ts/sandbox/darwin.js';
import { readDarwinProfiles } from '../../ts/sandbox/darwin-profiles.js';
import type { HostPath } from '../../ts/sandbox/request.js';
import type { SandboxSpec } from '../../ts/sandbox/spec.js';
import { requires } from '../support/requires.js';
import { askSeatbelt, runSeatbelt, type SeatbeltQuestion } from '../support/seatbelt.js';

// What the profiles of real derivations allow, as an evaluator of ours in Scheme reads them. It shows what the text
// says; only macOS can show what macOS makes of it.

const { derivation, toFile } = createEvaluator();
const dependency = derivation({ name: 'dependency', system: 'aarch64-darwin', builder: '/bin/sh' });
const text = toFile('words.txt', 'words\n');
const common = { system: 'aarch64-darwin', builder: '/bin/sh', dependency, text } as const;
const ordinary = derivation({ name: 'ordinary', ...common, outputs: ['out', 'dev'] });
const fixed = derivation({
  name: 'fixed',
  ...common,
  outputHashMode: 'flat',
  outputHashAlgo: 'sha256',
  outputHash: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
});
const localNetworking = derivation({ name: 'local', ...common, __darwinAllowLocalNetworking: true });
const ownProfile = (profile: string) => derivation({ name: 'own', ...common, __sandboxProfile: profile });

const stranger = '/nix/store/00000000000000000000000000000000-stranger';
const buildDirectory = '/private/tmp/airplant-build-0';
const profiles = await readDarwinProfiles();
const place: DarwinPlace = {
  buildDirectory,
  storeDir: '/nix/store',
  realStoreDir: '/nix/store',
  ids: { uid: 501, gid: 20 },
  temporaryDirectory: '/private/tmp',
  realPath: (path) => (path.startsWith('/link') ? `/private${path}` : path),
  kindOf: (path) =>
    /\.txt$|^\/bin\/|cache$/.test(path) ? 'other' : /gone/.test(path) ? 'missing' : 'directory',
};

const hostPath = (path: string, more: Partial<HostPath> = {}): HostPath => ({
  target: path,
  source: path,
  optional: false,
  readOnly: true,
  why: 'sandbox-paths',
  ...more,
});
const hostPaths = [
  hostPath('/bin/sh'),
  hostPath('/System/Library/Frameworks'),
  hostPath('/usr/lib'),
  hostPath('/opt/gone', { optional: true }),
  hostPath('/opt/impure dep', { why: '__impureHostDeps' }),
  hostPath('/Users/Shared/cache', { readOnly: false }),
  hostPath('/from/the/hook', { why: 'pre-build-hook' }),
  hostPath('/link/tools', { source: '/private/link/tools' }),
];

const options = {
  system: 'aarch64-darwin',
  extraPlatforms: [],
  systemFeatures: [],
  sandbox: true,
  sandboxSystem: { kind: 'darwin', profiles, host: place },
  storeInPlace: true,
  allowedImpureHostDeps: [],
  fixedOutputNetwork: 'auto',
  hostPaths,
  cores: 1,
  sandboxBuildDirectory: buildDirectory,
  timeout: 0,
  maxSilentTime: 0,
  maxBuildLogSize: 0,
  resources: { limits: {} },
  impureEnvironment: {},
} as unknown as BuildOptions;

function requestOf(value: AnyDerivation, change: Partial<BuildOptions> = {}) {
  const object = evaluatedObjects(value).find(({ path }) => path === value.drvPath);
  assert.equal(object?.kind, 'derivation');
  const { derivation } = object as Extract<typeof object, { kind: 'derivation' }>;
  const inputs = [`${dependency}`, `${text}`];
  return makeRequest({ drvPath: value.drvPath, derivation, inputs, graphs: new Map() }, '/nix/store', {
    ...options,
    ...change,
  });
}

const plan = (value: AnyDerivation, change: Partial<BuildOptions> = {}): SandboxSpec =>
  planDarwinSandbox(requestOf(value, change), place, profiles);

type Row = readonly [
  verdict: 'allow' | 'deny',
  operation: string,
  about?: Readonly<Record<string, string>> | string,
];

function check(spec: SandboxSpec, rows: readonly Row[]): void {
  const questions = rows.map(([, operation, about]): SeatbeltQuestion => {
    if (about === undefined) return [operation];
    return [operation, typeof about === 'string' ? { path: about } : about];
  });
  const answers = askSeatbelt(spec, questions);
  const told = rows.map(([, operation, about], i) => `${answers[i]} ${operation} ${JSON.stringify(about)}`);
  const wanted = rows.map(
    ([verdict, operation, about]) => `${verdict} ${operation} ${JSON.stringify(about)}`,
  );
  assert.deepEqual(told, wanted);
}

/** Every way of changing a file. */
const writes = (verdict: 'allow' | 'deny', path: string): Row[] =>
  ['create', 'data', 'flags', 'mode', 'owner', 'times', 'unlink', 'xattr'].map((way) => [
    verdict,
    `file-write-${way}`,
    path,
  ]);

const everywhere: readonly Row[] = [
  // Inputs: readable and executable, whole trees and single files, and nothing more.
  ['allow', 'file-read-data', `${dependency}`],
  ['allow', 'file-read-data', `${dependency}/bin/tool`],
  ['allow', 'file-read-xattr', `${dependency}/bin/tool`],
  ['allow', 'process-exec', `${dependency}/bin/tool`],
  ['allow', 'file-read-data', `${text}`],
  ...writes('deny', `${dependency}/bin/tool`),
  ...writes('deny', `${text}`),
  ['deny', 'file-link', `${text}`],

  // The rest of the store.
  ['deny', 'file-read-data', stranger],
  ['deny', 'file-read-metadata', stranger],
  ['deny', 'process-exec', `${stranger}/bin/tool`],
  ['deny', 'file-read-data', `${text}.lock`],
  ['deny', 'file-read-data', `${dependency}-2`],
  ...writes('deny', `${stranger}/x`),
  ['deny', 'file-write-create', '/nix/store/.links/x'],
  ['deny', 'file-read-data', '/nix/var/nix/db/db.sqlite'],
  ['deny', 'file-write-data', '/nix/var/nix/db/db.sqlite'],

  // Directories on the way: what they are, not what is in them.
  ['allow', 'file-read-metadata', '/nix/store'],
  ['allow', 'file-read-metadata', '/nix'],
  ['allow', 'file-read-metadata', '/Users/Shared'],
  ['allow', 'file-read-data', '/'],
  ['deny', 'file-read-data', '/nix/store'],
  ['deny', 'file-read-data', '/Users'],
  ['deny', 'file-write-create', '/nix/store'],

  // The build directory, and no other temporary file.
  ...writes('allow', `${buildDirectory}/x`),
  ['allow', 'file-read-data', `${buildDirectory}/x`],
  ['allow', 'process-exec', `${buildDirectory}/configure`],
  ['allow', 'network-outbound', { unix: `${buildDirectory}/socket` }],
  ['allow', 'network-bind', { unix: `${buildDirectory}/socket` }],
  ['deny', 'network-outbound', { unix: '/private/tmp/com.apple.launchd.x/Listeners' }],
  ['deny', 'file-read-data', '/private/tmp/airplant-build-1/x'],
  ['deny', 'file-write-data', '/private/tmp/airplant-build-01'],
  ['allow', 'file-read-metadata', '/tmp'],

  // The machine.
  ['deny', 'file-read-data', '/etc/passwd'],
  ['deny', 'file-read-data', '/private/etc/passwd'],
  ['deny', 'file-read-data', '/private/etc/master.passwd'],
  ['deny', 'file-read-data', '/Users/me/.ssh/id_ed25519'],
  ['deny', 'file-read-metadata', '/Users/me/.ssh'],
  ['deny', 'file-write-create', '/Users/me/Library/LaunchAgents/evil.plist'],
  ['deny', 'process-exec', '/usr/bin/osascript'],
  ['deny', 'process-exec', '/usr/bin/sudo'],
  ['allow', 'file-read-metadata', '/etc'],
  ['allow', 'file-read-data', '/usr/share/zoneinfo/UTC'],
  ['allow', 'file-read-data', '/System/Library/CoreServices/SystemVersion.plist'],
  ['allow', 'file-write-data', '/dev/null'],
  ['deny', 'file-read-data', '/dev/disk0'],
  ['allow', 'pseudo-tty'],
  ['allow', 'file-read-data', { path: '/dev/ttys003', extension: 'com.apple.sandbox.pty' }],
  ['deny', 'file-read-data', '/dev/ttys003'],
  ['deny', 'file-write-data', '/dev/ttys003'],

  // Host paths: of settings, of the derivation, of the hook.
  ['allow', 'process-exec', '/bin/sh'],
  ['allow', 'file-read-data', '/usr/lib/dyld'],
  ['deny', 'file-write-data', '/bin/sh'],
  ['deny', 'process-exec', '/bin/bash'],
  ['allow', 'file-read-data', '/opt/impure dep/x'],
  ['deny', 'file-write-data', '/opt/impure dep/x'],
  ['deny', 'file-read-data', '/opt/impure'],
  ['deny', 'file-read-data', '/opt/gone'],
  ['allow', 'file-read-data', '/from/the/hook/x'],
  ['allow', 'file-write-data', '/Users/Shared/cache'],
  ['deny', 'file-write-data', '/Users/Shared/cache2'],
  ['allow', 'file-read-data', '/private/link/tools/x'],
  ['allow', 'file-read-metadata', '/link'],
  ['allow', 'file-read-data', '/link/tools'],
  ['deny', 'file-read-data', '/private/link/other'],

  // Other processes.
  ['allow', 'process-fork'],
  ['allow', 'signal', { target: 'same-sandbox' }],
  ['deny', 'signal', { target: 'others' }],
  ['allow', 'sysctl-read', { name: 'hw.ncpu' }],
  ['deny', 'sysctl-read', { name: 'kern.procargs2' }],
  ['deny', 'sysctl-write', { name: 'kern.hostname' }],
  ['deny', 'process-info-pidinfo'],
  ['deny', 'mach-priv-task-port'],
  ['allow', 'mach-lookup', { name: 'com.apple.system.opendirectoryd.libinfo' }],
  ['deny', 'mach-lookup', { name: 'com.apple.securityd' }],
  ['deny', 'mach-lookup', { name: 'com.apple.pasteboard.1' }],
  ['deny', 'mach-register', { name: 'com.example' }],
  ['deny', 'system-reboot'],
];

const anyNetwork: readonly (readonly [string, Readonly<Record<string, string>>])[] = [
  ['network-outbound', { remote: '192.0.2.1:443' }],
  ['network-outbound', { remote: 'localhost:8080' }],
  ['network-bind', { local: 'localhost:8080' }],
  ['network-inbound', { local: '*:8080' }],
  ['network-outbound', { unix: '/private/var/run/mDNSResponder' }],
];
const network = (...verdicts: readonly ('allow' | 'deny')[]): Row[] =>
  anyNetwork.map(([operation, about], i) => [verdicts[i]!, operation, about]);

const needsGuile = requires('program:guile');

test('an ordinary derivation: its inputs, its outputs, and no network', needsGuile, () => {
  check(plan(ordinary), [
    ...everywhere,
    ...writes('allow', `${ordinary}`),
    ...writes('allow', `${ordinary.outputs.dev}/include/x`),
    ['allow', 'file-read-data', `${ordinary}/bin/x`],
    ['allow', 'process-exec', `${ordinary}/bin/x`],
    ['deny', 'file-write-setugid', `${ordinary}/bin/x`],
    ['deny', 'file-write-setugid', `${buildDirectory}/x`],
    ['deny', 'file-write-create', `${ordinary}-2`],
    ['deny', 'file-read-data', `${fixed}`],
    ...network('deny', 'deny', 'deny', 'deny', 'deny'),
    ['deny', 'file-read-data', '/private/etc/hosts'],
    ['deny', 'mach-lookup', { name: 'com.apple.trustd' }],
    ['deny', 'mach-lookup', { name: 'com.apple.SystemConfiguration.DNSConfiguration' }],
  ]);
});

test('a network of its own is refused, not replaced by the machine’s', () => {
  assert.throws(() => plan(fixed, { fixedOutputNetwork: 'private' }), { code: 'ERR_SANDBOX_UNAVAILABLE' });
});

test('a fixed-output derivation: the same with the network, names and certificates', needsGuile, () => {
  check(plan(fixed), [
    ...everywhere,
    ...writes('allow', `${fixed}`),
    ['deny', 'file-write-setugid', `${fixed}`],
    ['deny', 'file-write-create', `${ordinary}`],
    ...network('allow', 'allow', 'allow', 'allow', 'allow'),
    ['deny', 'network-outbound', { unix: '/private/var/run/docker.sock' }],
    ['allow', 'file-read-data', '/private/etc/hosts'],
    ['allow', 'file-read-data', '/private/var/run/resolv.conf'],
    ['deny', 'file-read-data', '/private/etc/ssh/ssh_config'],
    ['allow', 'mach-lookup', { name: 'com.apple.trustd' }],
    ['allow', 'mach-lookup', { name: 'com.apple.SystemConfiguration.DNSConfiguration' }],
  ]);
});

test('__darwinAllowLocalNetworking: this machine and no other', needsGuile, () => {
  check(plan(localNetworking), [
    ...everywhere,
    ...network('deny', 'allow', 'allow', 'allow', 'allow'),
    ['deny', 'network-outbound', { unix: '/private/var/run/docker.sock' }],
    ['allow', 'file-read-data', '/private/etc/hosts'],
    ['deny', 'mach-lookup', { name: 'com.apple.trustd' }],
  ]);
});

test('outside the sandbox everything but setuid and setgid files', needsGuile, () => {
  check(planDarwinUnsealed(requestOf(ordinary), place, profiles), [
    ['allow', 'file-read-data', '/etc/passwd'],
    ['allow', 'file-write-data', `${ordinary}`],
    ['allow', 'network-outbound', { remote: '192.0.2.1:443' }],
    ['allow', 'mach-lookup', { name: 'com.apple.securityd' }],
    ['deny', 'file-write-setugid', `${ordinary}`],
    ['deny', 'file-write-setugid', '/Users/me/x'],
  ]);
});

test('__sandboxProfile adds to the sandbox, but opens neither the store nor setuid files', needsGuile, () => {
  const profile = `
    ; Parameters are those Nix gives.
    (allow file-read* file-write* (subpath (string-append (param "_GLOBAL_TMP_DIR") "/shared")))
    (allow file* (subpath "/nix") (literal "/etc/passwd")) (allow mach-lookup (global-name "com.example"))
    (define (home name) (string-append "/Users/me/" name)) (allow file-read-data (literal (home "x"))) ; the end`;
  check(plan(ownProfile(profile), { sandbox: 'relaxed' }), [
    ['allow', 'file-write-data', '/private/tmp/shared/x'],
    ['deny', 'file-write-data', '/private/tmp/other'],
    ['allow', 'file-read-data', '/etc/passwd'],
    ['allow', 'file-read-data', '/Users/me/x'],
    ['allow', 'mach-lookup', { name: 'com.example' }],
    ['allow', 'file-read-data', stranger],
    ...writes('deny', stranger),
    ...writes('deny', `${dependency}/x`),
    ...writes('allow', `${ownProfile(profile)}`),
    ['deny', 'file-write-setugid', `${ownProfile(profile)}`],
  ]);
});

test('__sandboxProfile is for `sandbox = relaxed`, and for macOS', () => {
  assert.throws(
    () => requestOf(ownProfile('(allow default)')),
    (error) =>
      isAirplantError(error, 'ERR_SANDBOX_PROFILE') && /only allowed when 'sandbox' is/.test(error.message),
  );
  assert.deepEqual(requestOf(ownProfile('(allow default)'), { sandbox: 'relaxed' }).seatbelt, {
    profile: '(allow default)',
    localNetwork: false,
  });
  const linux = derivation({ ...common, name: 'l', system: 'x86_64-linux', __sandboxProfile: '(' });
  assert.equal('seatbelt' in requestOf(linux, { system: 'x86_64-linux' }), false);
});

test('no path breaks out of its string', needsGuile, () => {
  const evil = [
    '/a") (allow default) (allow file-read* (literal "/b',
    '/back\\slash\\',
    '/ends in a quote"',
    '/new\nline) (allow default)',
    '/; comment',
    '/#"^/"',
    '/\\x2f\\"',
    '/tab\t\x01\x7f\r',
    '/é/\u{1f600}/(param "_X")',
    decodeText(Buffer.from([0x2f, 0xff, 0xfe, 0x22, 0x5c])),
  ];
  const spec = plan(ordinary, { hostPaths: evil.map((path) => hostPath(path)) });
  check(spec, [
    ...evil.map((path): Row => ['allow', 'file-read-data', path]),
    ...evil.map((path): Row => ['allow', 'file-read-data', `${path}/below`]),
    ...evil.map((path): Row => ['deny', 'file-write-data', path]),
    ...evil.map((path): Row => ['deny', 'file-read-data', `${path}x`]),
    ['deny', 'file-read-data', '/etc/passwd'],
    ['deny', 'file-read-data', '/b'],
    ['deny', 'file-read-data', '/a'],
  ]);
});

test('nor does any other, whatever its bytes', needsGuile, () => {
  const bytes = fc.uint8Array({ min: 1, minLength: 1, maxLength: 40 });
  const paths = fc.sample(bytes, { numRuns: 500, seed: 1 }).map((name) => `/p/${decodeText(name)}`);
  const spec = plan(ordinary, { hostPaths: paths.map((path) => hostPath(path)) });
  check(spec, [
    ...paths.map((path): Row => ['allow', 'file-read-data', `${path}/x`]),
    ...paths.map((path): Row => ['deny', 'file-write-data', path]),
    ['deny', 'file-read-data', '/etc/passwd'],
    ['deny', 'file-read-data', '/p'],
  ]);
});

test('the evaluator refuses what macOS would', needsGuile, () => {
  const backend = { kind: 'darwin-seatbelt', parameters: [], sealed: true } as const;
  const refused: readonly (readonly [string, RegExp])[] = [
    ['(version 1) (allow default', /unexpected end of input/],
    ['(version 1) (allow file-raed*)', /unknown operation file-raed\*/],
    ['(version 1) (allow file* (litteral "/"))', /litteral/],
    ['(version 1) (allow file* (literal (getenv "HOME")))', /getenv/],
    ['(version 1) default', /no list/],
    ['(version 7)', /unknown version/],
  ];
  for (const [profile, why] of refused) {
    const { status, stderr } = runSeatbelt({ backend: { ...backend, profile } }, []);
    assert.equal(status, 1, profile);
    assert.match(stderr, why);
  }
});

test(
  'the evaluator: the last rule that matches wins, and several filters are alternatives',
  needsGuile,
  () => {
    const profile = `(version 1) (allow default) (deny file* (subpath "/a") (regex #"^/b[.\\"]"))
    (allow file-read* (require-all (subpath "/a/b") (require-not (literal "/a/b/c"))))`;
    const spec = plan(ordinary);
    check({ ...spec, backend: { kind: 'darwin-seatbelt', profile, parameters: [], sealed: true } }, [
      ['allow', 'process-fork'],
      ['deny', 'file-read-data', '/a/x'],
      ['allow', 'file-read-data', '/ab'],
      ['deny', 'file-read-data', '/b.'],
      ['deny', 'file-read-data', '/b"'],
      ['allow', 'file-read-data', '/bx'],
      ['allow', 'file-read-data', '/a/b/x'],
      ['deny', 'file-write-data', '/a/b/x'],
      ['deny', 'file-read-data', '/a/b/c'],
    ]);
  },
);
