/**
 * What broke others: every vulnerability known of a builder or a sandbox (Nix, Lix, Guix, Hydra, bubblewrap, flatpak,
 * nsjail, Bazel, runc, crun and their kin) and of the kernel underneath. Each either has a test whose name begins with
 * its id, or does not concern airplant, and `why` says so; docs/security.md repeats that for readers.
 */
export interface Vulnerability {
  /** What it is filed under; several where they are one weakness. */
  readonly ids: readonly string[];
  /** Whose it was. */
  readonly of: string;
  /** The weakness. */
  readonly what: string;
  /** Why there is nothing of the kind to test here. */
  readonly why?: string;
}

const neverSetId = 'no program of airplant’s is ever set-user-id: nobody has less than those who start it';
const noWeb = 'nothing is served to browsers; what terminals show is filtered (docs/errors.md)';

export const vulnerabilities: readonly Vulnerability[] = [
  // Nix, Lix, Guix and Hydra
  { ids: ['Nix 1.4'], of: 'Nix', what: 'a file of the host linked into an output has its mode changed' },
  { ids: ['Nix 1.11.10'], of: 'Nix', what: 'a builder leaves a set-user-id program of the build user' },
  {
    ids: ['CVE-2019-17365', 'CVE-2019-18192'],
    of: 'Nix, Guix',
    what: 'directories of users have a parent everybody may write to',
  },
  {
    ids: ['CVE-2021-27851'],
    of: 'Guix',
    what: 'a failed build’s kept directory, linked files included, is given to the user',
  },
  {
    ids: ['CVE-2024-27297'],
    of: 'Nix, Lix, Guix',
    what: 'a descriptor of an output outlives its check',
  },
  { ids: ['CVE-2024-38531'], of: 'Nix', what: 'the builder opens its build directory to other users' },
  {
    ids: ['CVE-2024-45593'],
    of: 'Nix',
    what: 'a second entry of the same name is unpacked through a symlink',
  },
  {
    ids: ['CVE-2024-47174'],
    of: 'Nix',
    what: '`builtin:fetchurl` does not verify certificates',
    why: 'there is no `builtin:fetchurl`: it is refused, and airplant itself downloads nothing',
  },
  {
    ids: ['CVE-2024-51481'],
    of: 'Nix on macOS',
    what: 'builtin builders run outside the sandbox',
  },
  { ids: ['CVE-2024-52867'], of: 'Guix', what: 'outputs are reachable before set-id bits are taken off' },
  {
    ids: ['CVE-2025-46415'],
    of: 'Nix, Lix, Guix',
    what: 'deletion follows a directory that becomes a symlink',
  },
  {
    ids: ['CVE-2025-46416'],
    of: 'Nix, Lix, Guix',
    what: 'builds hand one another descriptors over abstract sockets',
  },
  {
    ids: ['CVE-2025-52991'],
    of: 'Nix, Lix, Guix',
    what: 'build directories lie where everybody may make them first',
  },
  { ids: ['CVE-2025-52992'], of: 'Nix, Lix, Guix', what: 'failed builds leave what others can write to' },
  {
    ids: ['CVE-2025-52993'],
    of: 'Nix, Lix, Guix',
    what: 'files for the builder are made where it has put links',
  },
  { ids: ['CVE-2025-53819'], of: 'Nix on macOS', what: 'privileges are not dropped' },
  {
    ids: ['CVE-2025-54800', 'CVE-2024-32657'],
    of: 'Hydra',
    what: 'what builds print is HTML to browsers',
    why: noWeb,
  },
  {
    ids: ['CVE-2025-59378'],
    of: 'Guix',
    what: 'a user’s file is run as code by a builtin builder’s helper',
  },
  {
    ids: ['Guix 2026-07-02'],
    of: 'Guix',
    what: 'substitutes are used before they are verified, with fields that are not signed',
  },
  {
    ids: ['CVE-2026-39860'],
    of: 'Nix',
    what: 'the copy of a fixed output goes through a symlink of its builder',
  },
  { ids: ['CVE-2026-44028'], of: 'Nix, Lix', what: 'depth and lengths of archives end in memory corruption' },
  {
    ids: ['CVE-2026-44029'],
    of: 'Nix',
    what: 'members of tar archives are written to absolute paths',
  },

  // bubblewrap, flatpak, nsjail, Bazel
  { ids: ['CVE-2016-8659'], of: 'bubblewrap', what: 'the set-up can be traced while it has privileges' },
  {
    ids: ['CVE-2017-5226', 'CVE-2019-10063', 'CVE-2019-7303', 'CVE-2023-28100'],
    of: 'bubblewrap, flatpak, snapd',
    what: 'input is pushed into the caller’s terminal',
  },
  {
    ids: ['CVE-2020-5291', 'CVE-2026-41163'],
    of: 'bubblewrap, set-user-id',
    what: 'the privileged half can be commanded',
    why: neverSetId,
  },
  {
    ids: ['CVE-2019-8308', 'CVE-2019-5736'],
    of: 'flatpak, runc',
    what: 'the program that sets up is overwritten',
  },
  { ids: ['CVE-2021-21261'], of: 'flatpak', what: 'variables for the sandbox reach a program outside it' },
  { ids: ['CVE-2021-41133'], of: 'flatpak', what: 'system calls newer than the filter are let through' },
  {
    ids: ['CVE-2021-43860', 'CVE-2022-21682', 'CVE-2023-28101'],
    of: 'flatpak',
    what: 'NUL and escape sequences hide what is granted',
  },
  { ids: ['CVE-2024-32462'], of: 'flatpak', what: 'a command that looks like an option is one' },
  {
    ids: ['CVE-2024-42472', 'CVE-2026-34078', 'GHSA-8688-9x26-hhxj'],
    of: 'flatpak',
    what: 'a directory that a program may write to is a symlink when it is mounted',
  },
  { ids: ['CVE-2026-34079'], of: 'flatpak', what: 'clearing up deletes files the program has chosen' },
  {
    ids: ['GHSA-99wv-m8rp-g58x'],
    of: 'flatpak',
    what: 'a file for the program is written through its symlink',
  },
  {
    ids: ['GHSA-qrwq-7qwx-q9rp', 'GHSA-8qxj-x646-phcm', 'GHSA-w69g-9x8j-7p8f', 'GHSA-v2gw-v9h5-9q4x'],
    of: 'flatpak',
    what: 'names that lead out of a directory are given to a helper of root’s',
    why: 'no helper has more rights than the caller, and names of store paths hold no slash',
  },
  {
    ids: ['GHSA-fqx6-vh4p-42cg', 'GHSA-9rww-v4mm-x4jg', 'GHSA-jr92-2v97-wgvc'],
    of: 'flatpak',
    what: 'archives of other kinds are unpacked through links',
  },
  { ids: ['nsjail cc987ec'], of: 'nsjail', what: 'mounts with locked flags stay writable' },
  { ids: ['bazel#28515'], of: 'Bazel', what: 'targets of mounts are made through symlinks' },
  { ids: ['bazel#29427'], of: 'Bazel on macOS', what: 'a quote in a path ends its string in the profile' },
  { ids: ['bazel#15681'], of: 'Bazel', what: 'an input that is a symlink shows what it leads to' },

  // runc, crun, podman, buildah, BuildKit
  {
    ids: ['CVE-2016-9962'],
    of: 'runc',
    what: 'process 1 can be looked into while it has descriptors of the host',
  },
  { ids: ['CVE-2024-21626'], of: 'runc', what: 'the directory to start in is a leaked descriptor' },
  {
    ids: ['CVE-2019-16884', 'CVE-2019-19921', 'CVE-2023-27561', 'CVE-2025-52881'],
    of: 'runc',
    what: 'settings are written to a /proc that is none',
  },
  {
    ids: ['CVE-2021-30465'],
    of: 'runc',
    what: 'containers that share a volume exchange a target for a symlink',
  },
  { ids: ['CVE-2025-31133'], of: 'runc', what: 'what /dev/null has become is mounted' },
  {
    ids: ['CVE-2025-52565'],
    of: 'runc',
    what: 'the terminal is found by its name and mounted',
    why: 'no terminal is mounted: the one for the log is opened from its master and inherited',
  },
  { ids: ['CVE-2024-45310'], of: 'runc', what: 'files are made on the host while targets are exchanged' },
  {
    ids: ['CVE-2026-41579', 'CVE-2026-47766', 'CVE-2019-18837', 'CVE-2025-24965'],
    of: 'runc, crun',
    what: 'the root, or /dev or /etc in it, is a symlink to elsewhere',
  },
  {
    ids: ['CVE-2022-29162', 'CVE-2022-27650', 'CVE-2022-27649'],
    of: 'runc, crun, podman',
    what: 'capabilities can be inherited',
  },
  { ids: ['CVE-2023-25809'], of: 'runc', what: 'control groups of the host can be written' },
  { ids: ['CVE-2021-43784'], of: 'runc', what: 'lengths in the message to the set-up overflow' },
  { ids: ['CVE-2026-30892'], of: 'crun', what: 'a user without a group is read as root' },
  {
    ids: ['CVE-2024-1753', 'CVE-2024-9407', 'CVE-2024-9675'],
    of: 'buildah',
    what: 'mounts are given symlinks, options and names that lead out',
  },
  {
    ids: ['CVE-2024-11218', 'CVE-2024-23651'],
    of: 'buildah, BuildKit',
    what: 'builds at the same time exchange a mounted directory',
  },
  {
    ids: ['CVE-2024-9676'],
    of: 'podman, buildah',
    what: 'a FIFO or symlink of the container is opened on the host',
  },
  {
    ids: ['CVE-2022-1227'],
    of: 'podman',
    what: 'a program of the container is run by its owner to look into it',
    why: 'nothing is run in a sandbox but its builder',
  },
  {
    ids: ['CVE-2024-23652'],
    of: 'BuildKit',
    what: 'what is removed after a build lies behind a symlink of its',
  },
  {
    ids: ['CVE-2024-23653'],
    of: 'BuildKit',
    what: 'clients obtain privileges they were not granted',
    why: 'there is no service and so no client: who calls airplant may do what it may do',
  },

  // The kernel, reached through namespaces of the builder’s own
  {
    ids: [
      'CVE-2016-3135',
      'CVE-2021-3493',
      'CVE-2022-0185',
      'CVE-2022-0492',
      'CVE-2022-34918',
      'CVE-2023-0386',
      'CVE-2023-32233',
      'CVE-2024-1086',
    ],
    of: 'Linux',
    what: 'netfilter, overlayfs, file system contexts and control groups of version 1, as root of a user namespace',
  },
];
