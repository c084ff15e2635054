import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, beforeEach, test } from 'node:test';
import { describeOrigin, loadSettings, type SettingsLayer, settingsLayer } from '../../ts/config/load.js';
import { settingDefinition, settingNames } from '../../ts/config/settings.js';

let root = '';
const made: string[] = [];
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'airplant-config-'));
  made.push(root);
});
after(() => {
  for (const directory of made) rmSync(directory, { recursive: true, force: true });
});

test('defaults, with the host in them', () => {
  const { settings, origins } = load({ env: { NIX_REMOTE: '/somewhere' } });
  assert.equal(settings.store, '/somewhere');
  assert.equal(settings['max-jobs'], 1);
  assert.equal(settings.sandbox, true);
  assert.deepEqual(settings['extra-platforms'], ['i686-linux']);
  assert.deepEqual(settings['system-features'], ['nixos-test', 'benchmark', 'big-parallel']);
  assert.deepEqual(origins.get('sandbox'), [{ kind: 'default' }]);
});

test('more processes or CPU time than the kernel takes are refused where the setting is', () => {
  write('etc/nix.conf', 'build-pids-max = 4194305');
  assert.throws(() => load({}), {
    code: 'ERR_SETTING',
    message: /nix\.conf.*'build-pids-max' cannot be '4194305': it is a whole number from 0 to 4194304/,
  });
  write('etc/nix.conf', 'build-pids-max = 4194304\nbuild-cpu-max = 1000000');
  assert.equal(load({}).settings['build-cpu-max'], 1_000_000);
  assert.throws(
    () => load({ layers: [settingsLayer({ kind: 'program' }, { 'build-cpu-max': 1_000_001 })] }),
    { code: 'ERR_SETTING' },
  );
});

test('files from weakest to strongest, then NIX_CONFIG, then the layers', () => {
  write(
    'etc/nix.conf',
    'cores = 1\ntimeout = 1\nlog-lines = 1\nmax-silent-time = 1\nmax-jobs = 2\nsandbox-build-dir = /1',
  );
  write(
    'xdg/nix/nix.conf',
    'timeout = 2\nlog-lines = 2\nmax-silent-time = 2\nmax-jobs = 3\nsandbox-build-dir = /2',
  );
  write('home/nix/nix.conf', 'log-lines = 3\nmax-silent-time = 3\nmax-jobs = 4\nsandbox-build-dir = /3');
  write('home/airplant/airplant.conf', 'max-silent-time = 4\nmax-jobs = 5\nsandbox-build-dir = /4');
  const layers: SettingsLayer[] = [
    settingsLayer({ kind: 'module', file: 'default.ts' }, { 'sandbox-build-dir': '/6', timeout: 77 }),
    { origin: { kind: 'command-line' }, values: [['timeout', '88']] },
  ];
  const { settings, origins } = load({ env: { NIX_CONFIG: 'max-jobs = 6\nsandbox-build-dir = /5' }, layers });
  assert.equal(settings.cores, 1);
  assert.equal(settings['log-lines'], 3);
  assert.equal(settings['max-silent-time'], 4);
  assert.equal(settings['max-jobs'], 6);
  assert.equal(settings['sandbox-build-dir'], '/6');
  assert.equal(settings.timeout, 88);
  assert.equal(describeOrigin(origins.get('cores')![0]!), `${join(root, 'etc/nix.conf')}:1`);
  assert.equal(describeOrigin(origins.get('max-jobs')![0]!), 'NIX_CONFIG:1');
  assert.equal(describeOrigin(origins.get('sandbox-build-dir')![0]!), 'default.ts');
  assert.equal(describeOrigin(origins.get('timeout')![0]!), 'command line');
});

test('NIX_USER_CONF_FILES replaces the user files; its first file is strongest', () => {
  write('home/nix/nix.conf', 'cores = 9');
  write('a.conf', 'timeout = 1');
  write('b.conf', 'timeout = 2\nlog-lines = 2');
  const { settings } = load({
    env: { NIX_USER_CONF_FILES: `${join(root, 'a.conf')}:${join(root, 'b.conf')}` },
  });
  assert.equal(settings.timeout, 1);
  assert.equal(settings['log-lines'], 2);
  assert.equal(settings.cores, 0);
});

test('extra- adds, old names work, and every origin is kept', () => {
  write('etc/nix.conf', 'build-chroot-dirs = /a\nextra-sandbox-paths = /b\nbuild-extra-chroot-dirs = /c?');
  const { settings, origins } = load({
    layers: [settingsLayer({ kind: 'program' }, { 'extra-sandbox-paths': ['/d'] })],
  });
  assert.deepEqual(settings['sandbox-paths'], ['/a', '/b', '/c?', '/d']);
  assert.deepEqual(origins.get('sandbox-paths')!.map(describeOrigin), [
    `${join(root, 'etc/nix.conf')}:1`,
    `${join(root, 'etc/nix.conf')}:2`,
    `${join(root, 'etc/nix.conf')}:3`,
    'program',
  ]);
});

test('extra-platforms is a setting of its own, and has an extra- form', () => {
  const { settings } = load({ env: { NIX_CONFIG: 'extra-platforms = a\nextra-extra-platforms = b' } });
  assert.deepEqual(settings['extra-platforms'], ['a', 'b']);
});

test('unknown names: a note in nix.conf, a warning in airplant.conf, an error in a layer', () => {
  write('etc/nix.conf', 'hashed-mirrors = https://example.org');
  write('home/airplant/airplant.conf', 'timeuot = 3');
  const notes: string[] = [];
  const warnings: string[] = [];
  load({ onNote: (note) => notes.push(note), onWarning: (warning) => warnings.push(warning) });
  assert.match(notes.join('\n'), /nix\.conf:1: unknown setting 'hashed-mirrors'/);
  assert.match(warnings.join('\n'), /airplant\.conf:1: unknown setting 'timeuot'; did you mean 'timeout'/);
  const layers: SettingsLayer[] = [{ origin: { kind: 'command-line' }, values: [['max-job', '3']] }];
  assert.throws(() => load({ layers }), {
    code: 'ERR_SETTING',
    message: /did you mean 'max-jobs'/,
    exitStatus: 2,
  });
});

test('a wrong value names the file and line', () => {
  write('etc/nix.conf', '\nmax-jobs = many');
  assert.throws(() => load({}), {
    code: 'ERR_SETTING',
    message: `${join(root, 'etc/nix.conf')}:2: setting 'max-jobs' cannot be 'many': it is a whole number, 0 or more, or \`auto\``,
  });
});

test('includes: relative, missing, optional, circular, nested and endless', () => {
  write('etc/nix.conf', 'include sub/a.conf\n!include missing.conf\ncores = 3');
  write('etc/sub/a.conf', 'include b.conf\ntimeout = 5');
  write('etc/sub/b.conf', 'cores = 2\nlog-lines = 7');
  const { settings } = load({});
  assert.deepEqual([settings.cores, settings.timeout, settings['log-lines']], [3, 5, 7]);

  write('etc/nix.conf', 'include missing.conf');
  assert.throws(() => load({}), {
    code: 'ERR_SETTING',
    message: /missing\.conf' included from .*nix\.conf:1 not found/,
  });
  write('etc/nix.conf', 'include nix.conf');
  assert.throws(() => load({}), { code: 'ERR_SETTING', message: /includes itself/ });
  write('etc/nix.conf', 'include /dev/zero');
  assert.throws(() => load({}), { code: 'ERR_SETTING', message: /not an ordinary text file/ });
  for (let i = 0; i < 40; i++) write(`etc/${i}.conf`, `include ${i + 1}.conf`);
  write('etc/nix.conf', 'include 0.conf');
  assert.throws(() => load({}), { code: 'ERR_SETTING', message: /nests too deeply/ });
});

test('no two settings share a name, and every description ends in a full stop', () => {
  const words = settingNames.flatMap((name) => {
    const { aliases, appendAliases } = settingDefinition(name);
    return [name, ...aliases, ...appendAliases];
  });
  assert.equal(new Set(words).size, words.length);
  for (const name of settingNames) assert.match(settingDefinition(name).description, /[.]$/, name);
});

function load(
  options: Omit<Parameters<typeof loadSettings>[0], 'env' | 'host'> & { env?: Record<string, string> },
) {
  const env = {
    HOME: '/nonexistent',
    NIX_CONF_DIR: join(root, 'etc'),
    XDG_CONFIG_HOME: join(root, 'home'),
    XDG_CONFIG_DIRS: join(root, 'xdg'),
    ...options.env,
  };
  return loadSettings({
    ...options,
    env,
    host: {
      env,
      system: 'x86_64-linux',
      extraPlatforms: ['i686-linux'],
      cpus: 4,
      kvm: false,
      idRanges: false,
    },
  });
}

function write(name: string, text: string): void {
  const file = join(root, name);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}
