import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SandboxEntry, SandboxSpec } from '../../ts/sandbox/spec.js';
import { needProgram } from '../harness/programs.js';
import type { Workspace } from '../harness/workspace.js';

/**
 * What the launch rows put into a sandbox, the same for every contestant (floor.c has it a third time): a tmpfs as
 * root, /dev with devices, pts and shm, /proc, six read-only binds and a writable one. The payload is a static
 * busybox called as `true`, so that next to nothing is spent after exec.
 */
export interface LaunchScene {
  /** Host directory with `etc`, `build`, `input-0` … `input-3` and perhaps `more/0` …. */
  readonly directory: string;
  readonly busybox: string;
}

export function prepareScene(workspace: Workspace, moreInputs = 0): LaunchScene {
  const busybox = needProgram('busybox');
  const directory = workspace.directory('scene');
  for (const name of ['etc', 'build', ...inputs.map(([name]) => name)]) mkdirSync(join(directory, name));
  for (let index = 0; index < moreInputs; index++) {
    mkdirSync(join(directory, `more/${index}`), { recursive: true });
  }
  writeFileSync(join(directory, 'etc', 'passwd'), 'builder:x:1000:100::/build:/noshell\n');
  writeFileSync(join(directory, 'etc', 'group'), 'builder:!:100:\n');
  return { directory, busybox };
}

/** The scene for our own launcher, with so many more inputs. */
export function sceneSpec({ directory, busybox }: LaunchScene, moreInputs = 0): SandboxSpec {
  return {
    version: 1,
    root: { kind: 'tmpfs', readOnly: true },
    namespaces: { pid: true, ipc: true, uts: true, network: 'private', cgroup: true },
    ids: { uid: 1000, gid: 100 },
    hostname: 'localhost',
    domainname: '(none)',
    entries: [
      { kind: 'tmpfs', target: '/dev', mode: 0o755, size: '', why },
      ...devices.map(bindDevice),
      ...links.map(([name, to]): SandboxEntry => ({ kind: 'symlink', target: `/dev/${name}`, to, why })),
      { kind: 'devpts', target: '/dev/pts', why },
      { kind: 'tmpfs', target: '/dev/shm', mode: 0o1777, size: '50%', why },
      { kind: 'proc', target: '/proc', why },
      bind(busybox, '/bin/busybox', true),
      bind(join(directory, 'etc'), '/etc', true),
      ...inputsOf(moreInputs).map(([name, target]) => bind(join(directory, name), target, true)),
      bind(join(directory, 'build'), '/build', false),
    ],
    command: {
      path: '/bin/busybox',
      argv: ['busybox', 'true'],
      env: [['PATH', '/bin']],
      cwd: '/build',
      umask: 0o022,
    },
    limits: { rlimits: [{ resource: 'core', soft: 0, hard: 0 }] },
    personality: 0x40000,
    filter: 'sealed',
    session: 'sealed',
  };
}

/** The scene for bubblewrap, whose `--dev` makes the same /dev. */
export function sceneForBubblewrap({ directory, busybox }: LaunchScene, moreInputs = 0): string[] {
  return [
    ...['--unshare-all', '--die-with-parent', '--new-session', '--hostname', 'localhost'],
    ...['--uid', '1000', '--gid', '100', '--cap-drop', 'ALL'],
    ...['--dev', '/dev', '--tmpfs', '/dev/shm', '--proc', '/proc'],
    ...['--ro-bind', busybox, '/bin/busybox', '--ro-bind', join(directory, 'etc'), '/etc'],
    ...inputsOf(moreInputs).flatMap(([name, target]) => ['--ro-bind', join(directory, name), target]),
    ...['--bind', join(directory, 'build'), '/build', '--chdir', '/build'],
    ...['--clearenv', '--setenv', 'PATH', '/bin', '/bin/busybox', 'true'],
  ];
}

const why = 'measured launch';

const inputs = ['a', 'b', 'c', 'd'].map((name, index) => [`input-${index}`, `/nix/store/${name}`] as const);

/** Those, and more of them: each a directory of its own. */
function inputsOf(more: number): (readonly [name: string, target: string])[] {
  const others = Array.from(
    { length: more },
    (_, index) => [`more/${index}`, `/nix/store/more-${index}`] as const,
  );
  return [...inputs, ...others];
}

const devices = ['full', 'null', 'random', 'tty', 'urandom', 'zero'];

const links = [
  ['fd', '/proc/self/fd'],
  ['stdin', '/proc/self/fd/0'],
  ['stdout', '/proc/self/fd/1'],
  ['stderr', '/proc/self/fd/2'],
  ['ptmx', 'pts/ptmx'],
] as const;

function bindDevice(name: string): SandboxEntry {
  const { rdev } = statSync(`/dev/${name}`);
  const device = { major: (rdev >> 8) & 0xfff, minor: rdev & 0xff };
  return { ...bind(`/dev/${name}`, `/dev/${name}`, false), device };
}

function bind(
  source: string,
  target: string,
  readOnly: boolean,
): Extract<SandboxEntry, { readonly kind: 'bind' }> {
  return { kind: 'bind', source, target, readOnly, optional: false, follow: true, why };
}
