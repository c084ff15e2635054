import { spawnSync } from 'node:child_process';
import { accessSync, closeSync, constants, existsSync, openSync, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { native } from '../../ts/native.js';
import { noRange } from './identities.js';

/**
 * What a test needs of the host. Kernel features are tried for real, so a test is skipped only where the machine
 * cannot run it. A missing *program* is skipped on a user's machine but fails under `.ci/run`
 * (AIRPLANT_CI=1), which is supposed to have installed it.
 */
export type Requirement =
  | 'user-namespaces'
  | 'root'
  /** The owner of `/` is root, or the caller, and not a user of some outer namespace. */
  | 'known-root'
  | 'linux'
  | 'tun'
  | 'tun-file'
  | 'landlock-scopes'
  | 'subordinate-ids'
  | 'libc++'
  /** Two network interfaces that are one another's end, with IPv6. */
  | 'veth'
  | `program:${string}`;

/** Options for node:test: `test('…', requires('user-namespaces', 'program:strace'), …)`. */
export function requires(...requirements: Requirement[]): { skip: string | false } {
  for (const requirement of requirements) {
    const missing = whyMissing(requirement);
    if (!missing) continue;
    if (process.env['AIRPLANT_CI'] && (requirement === 'libc++' || requirement.startsWith('program:'))) {
      throw new Error(`${missing}, and .ci/run should have installed it`);
    }
    if (process.env['AIRPLANT_CI_IDS'] && requirement === 'subordinate-ids') {
      throw new Error(`${missing}, and .ci/run has seen to it that there are some`);
    }
    if (process.env['AIRPLANT_CI_TUN'] && requirement === 'tun') {
      throw new Error(`${missing}, and .ci/run has seen to it that it can`);
    }
    return { skip: missing };
  }
  return { skip: false };
}

/** The system calls that tests run without (`npm test -- --without=…`); attacks lack them, too. */
export const missingCalls: readonly string[] = process.env['AIRPLANT_TEST_WITHOUT']?.split(',') ?? [];

export const lesserKernel: boolean = missingCalls.length > 0;

/** True for the long form of a campaign (`npm run test:long`). */
export const longForm: boolean = process.env['AIRPLANT_TEST_LONG'] === '1';

const known = new Map<Requirement, string | undefined>();

function whyMissing(requirement: Requirement): string | undefined {
  if (!known.has(requirement)) known.set(requirement, probe(requirement));
  return known.get(requirement);
}

function probe(requirement: Requirement): string | undefined {
  if (requirement === 'linux') return process.platform === 'linux' ? undefined : 'not Linux';
  if (requirement === 'libc++') {
    const found = spawnSync('clang++', [
      '-stdlib=libc++',
      '-x',
      'c++',
      '-fsyntax-only',
      '-include',
      'string',
      '/dev/null',
    ]);
    return found.status === 0 ? undefined : 'libc++ is not installed';
  }
  if (requirement === 'known-root') {
    const known = [0, process.getuid?.()].includes(statSync('/').uid);
    return known ? undefined : 'the owner of / is not mapped in this user namespace';
  }
  if (requirement === 'root') return process.getuid?.() === 0 ? undefined : 'not root';
  if (requirement === 'tun') return canOpen('/dev/net/tun') ? undefined : '/dev/net/tun cannot be opened';
  if (requirement === 'subordinate-ids') return noRange || undefined;
  if (requirement === 'tun-file') {
    return existsSync('/dev/net/tun') ? undefined : 'there is no /dev/net/tun to mount something on';
  }
  if (requirement === 'veth') {
    const make =
      'PATH=$PATH:/usr/sbin:/sbin; ip link add outside type veth peer name inside && ip addr add fd55::1/64 dev outside';
    const { status, stderr } = spawnSync('unshare', ['-Urn', 'sh', '-c', make], { encoding: 'utf8' });
    return status === 0 ? undefined : `no veth with IPv6: ${stderr?.trim()}`;
  }
  if (requirement === 'landlock-scopes') {
    return native.landlockAbi() >= 6 ? undefined : 'Landlock has no scopes';
  }
  if (requirement === 'user-namespaces') {
    // unshare(1) is util-linux, on every Linux machine.
    const { status, stderr } = spawnSync(
      'unshare',
      ['--user', '--map-root-user', '--mount', '--pid', '--fork', 'true'],
      {
        encoding: 'utf8',
      },
    );
    return status === 0 ? undefined : `no user namespaces: ${stderr?.trim()}`;
  }
  const program = requirement.slice('program:'.length);
  return findProgram(program) ? undefined : `${program} is not installed`;
}

function canOpen(path: string): boolean {
  try {
    closeSync(openSync(path, constants.O_RDWR));
    return true;
  } catch {
    return false;
  }
}

/** Absolute path of a program on PATH (or in the sbin directories ordinary users lack), or undefined. */
export function findProgram(name: string): string | undefined {
  const directories = [
    ...(process.env['PATH'] ?? '').split(delimiter),
    '/usr/sbin',
    '/sbin',
    '/usr/local/bin',
  ];
  return directories
    .map((directory) => join(directory, name))
    .find((file) => {
      try {
        accessSync(file, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}
