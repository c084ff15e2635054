import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { DarwinBuilds } from '../support/darwin-builds.js';
import { requires } from '../support/requires.js';
import { askSeatbelt } from '../support/seatbelt.js';
import { temporaryDirectory } from '../support/temporary.js';

// What the hooks of examples/hooks do to real builds, on machines that have what they look for and on such that have not.
const checkout = fileURLToPath(new URL('../../..', import.meta.url));
const example = (name: string) => join(checkout, 'examples/hooks', name);
const directory = temporaryDirectory('example-hooks');

/** A /dev with two devices of NVIDIA's names, in a mount namespace. */
const withDevices = `
  devices=$1; shift
  mount -t tmpfs devices $devices
  mkdir $devices/pts $devices/shm
  mount -t devpts -o newinstance,ptmxmode=0666 terminals $devices/pts
  ln -s pts/ptmx $devices/ptmx
  mount -t tmpfs shm $devices/shm
  show() { : > $devices/$2; mount --bind /dev/$1 $devices/$2; }
  for name in null zero full random urandom tty; do show $name $name; done
  show null nvidia0; show zero nvidiactl
  mount --rbind $devices /dev
  exec "$@"`;

interface Machine {
  readonly devices: boolean;
}

/** Builds with examples/hooks/linux.mjs as the hook; what a builder said, and what airplant did. */
function buildOnLinux(name: string, features: readonly string[], { devices }: Machine) {
  const place = join(directory, name);
  mkdirSync(join(place, 'devices'), { recursive: true });
  const script = `bb() { /bin/busybox "$@"; }
    echo devices: $(bb ls /dev | bb grep nvidia)
    echo visible: $CUDA_VISIBLE_DEVICES
    if echo x > /dev/nvidia0; then echo writable; fi 2>/dev/null
    echo > $out`;
  const module = join(place, 'default.mjs');
  writeFileSync(
    module,
    `import { derivation } from 'airplant';
     export const settings = { 'extra-sandbox-paths': ['/bin/busybox'], 'extra-system-features': ['cuda'], 'pre-build-hook': ${JSON.stringify(example('linux.mjs'))} };
     export default derivation({ name: 'hooked', builder: '/bin/busybox', requiredSystemFeatures: ${JSON.stringify(features)}, args: ['sh', '-c', ${JSON.stringify(script)}] });`,
  );
  symlinkSync(join(checkout, 'node_modules'), join(place, 'node_modules'));
  const main = fileURLToPath(new URL('../../ts/main.js', import.meta.url));
  const command = [
    process.execPath,
    main,
    'build',
    module,
    '--store',
    join(place, 'store'),
    '-L',
    '--no-link',
  ];
  const wrapper = ['unshare', '-Urm', 'sh', '-euc', withDevices, 'sh', join(place, 'devices')];
  const [program, ...args] = devices ? [...wrapper, ...command] : command;
  const { status, stderr } = spawnSync(program!, args, { encoding: 'utf8' });
  return { status, said: stderr };
}

const needs = requires('user-namespaces', 'program:busybox');

test('linux.mjs: a build with the feature has the devices, writable, and is told', needs, () => {
  const { status, said } = buildOnLinux('with', ['cuda'], { devices: true });
  assert.equal(status, 0, said);
  assert.match(said, /devices: nvidia0 nvidiactl$/m);
  assert.match(said, /visible: 0$/m);
  assert.match(said, /writable$/m);
});

test('linux.mjs: a build without the feature has none of it', needs, () => {
  const { status, said } = buildOnLinux('without', [], { devices: true });
  assert.equal(status, 0, said);
  assert.match(said, /devices:\s*$/m);
  assert.match(said, /visible:\s*$/m);
  assert.doesNotMatch(said, /writable$/m);
});

test('linux.mjs: without devices a build with the feature is refused', needs, () => {
  const hidden = buildOnLinux('refused', ['cuda'], { devices: false });
  assert.match(hidden.said, /refuses to build.*hooked\.drv[\s\S]*this machine has no NVIDIA device/);
  assert.notEqual(hidden.status, 0);
});

// Root builds nothing on macOS.
const onMac =
  process.getuid?.() === 0 ? { skip: 'for an ordinary user' } : requires('linux', 'program:guile');

test(
  'macos.sh: the command line tools are allowed to be read and run where they are installed',
  onMac,
  async () => {
    await using builds = await DarwinBuilds.open(join(directory, 'mac'));
    const tools = join(directory, 'CommandLineTools');
    const programs = join(directory, 'programs');
    for (const one of [tools, programs]) mkdirSync(one);
    const before = process.env['PATH'];
    const questions = ['file-read-data', 'process-exec', 'file-write-data'].map(
      (operation) => [operation, { path: `${tools}/usr/bin/clang` }] as const,
    );
    const answers = async (name: string) => {
      await builds.build(builds.script(name, 'echo > $out'), { 'pre-build-hook': example('macos.sh') });
      return askSeatbelt(builds.sent.at(-1)!, questions);
    };
    try {
      assert.deepEqual(await answers('without-tools'), ['deny', 'deny', 'deny']);
      const program = `#!/bin/sh\n[ "$1" = --print-path ] && echo '${tools}'\n`;
      writeFileSync(join(programs, 'xcode-select'), program, { mode: 0o755 });
      process.env['PATH'] = `${programs}${delimiter}${before}`;
      assert.deepEqual(await answers('with-tools'), ['allow', 'allow', 'deny']);
    } finally {
      process.env['PATH'] = before;
    }
  },
);
