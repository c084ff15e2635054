import { accessSync, constants } from 'node:fs';
import { hostLoaderFiles, type LoaderFiles, programFiles } from './program-files.js';
import type { HostPath } from './request.js';

/** What `/bin/sh` in the sandbox is when no setting says. */
export interface DefaultShell {
  /** `busybox`: one static file. `host`: the host's shell with the libraries it needs, so results may depend on it. */
  readonly kind: 'busybox' | 'host';
  /** The host file that becomes `/bin/sh`. */
  readonly source: string;
  readonly paths: readonly HostPath[];
}

/**
 * The shell for `/bin/sh`, which derivations expect in every sandbox: a static busybox, as Nix is mostly built
 * with, or else the host's `/bin/sh` together with its interpreter and libraries. Undefined if there is neither.
 */
export function findDefaultShell(host: ShellHost = thisHost): DefaultShell | undefined {
  const busybox = host.busyboxes.find((path) => host.isExecutable(path) && isStatic(host.files, path));
  if (busybox !== undefined) {
    const source = host.files.realPath(busybox) ?? busybox;
    return { kind: 'busybox', source, paths: [shellPath(source, 'the default shell, a static busybox')] };
  }
  const shell = host.files.realPath('/bin/sh');
  const needed =
    shell === undefined ? undefined : programFiles(host.files, { source: shell, target: '/bin/sh' });
  if (shell === undefined || !needed || needed.missing.length > 0 || !host.files.readElf(shell))
    return undefined;
  return {
    kind: 'host',
    source: shell,
    paths: [
      shellPath(shell, "the default shell: the host's, as no static busybox was found"),
      ...needed.paths,
    ],
  };
}

/** What shows the default shell, unless something is shown as `/bin/sh` or `/bin` already. */
export function defaultShellPaths(
  targets: readonly string[],
  shell: DefaultShell | undefined,
): readonly HostPath[] {
  if (shell === undefined || targets.includes('/bin/sh') || targets.includes('/bin')) return [];
  return shell.paths;
}

/** Where shells are looked for. */
export interface ShellHost {
  /** Candidates for a static busybox, best first. */
  readonly busyboxes: readonly string[];
  readonly files: LoaderFiles;
  isExecutable(path: string): boolean;
}

const thisHost: ShellHost = {
  // Debian, Fedora and Arch call it busybox, Alpine busybox.static.
  busyboxes: ['/bin', '/usr/bin', '/sbin', '/usr/sbin', '/usr/local/bin', '/usr/lib/busybox/bin'].flatMap(
    (directory) => [`${directory}/busybox`, `${directory}/busybox.static`, `${directory}/busybox-static`],
  ),
  files: hostLoaderFiles,
  isExecutable(path) {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  },
};

function isStatic(files: LoaderFiles, path: string): boolean {
  const elf = files.readElf(path);
  return elf !== undefined && elf.interpreter === undefined && elf.needed.length === 0;
}

function shellPath(source: string, why: string): HostPath {
  return { target: '/bin/sh', source, optional: false, readOnly: true, why };
}
