import type { Connection } from './network.js';
import type { SandboxEntry } from './spec.js';

/**
 * /etc of a build: the names of its ids, and how names of hosts are found. Byte for byte Nix 2.8's.
 */
export function etcEntries(options: {
  home: string;
  uid: number;
  gid: number;
  connection: Connection | undefined;
}): SandboxEntry[] {
  const { home, uid, gid, connection } = options;
  return [
    { kind: 'directory', target: '/etc', mode: 0o755, why: 'names of users and hosts' },
    file(
      '/etc/passwd',
      `root:x:0:0:Nix build user:${home}:/noshell\n` +
        `nixbld:x:${uid}:${gid}:Nix build user:${home}:/noshell\n` +
        'nobody:x:65534:65534:Nobody:/:/noshell\n',
      'the user the builder runs as',
    ),
    file('/etc/group', `root:x:0:\nnixbld:!:${gid}:\nnogroup:x:65534:\n`, 'the group the builder runs as'),
    ...(connection === undefined
      ? [file('/etc/hosts', '127.0.0.1 localhost\n::1 localhost\n', 'there is no other host')]
      : nameServiceEntries(connection)),
  ];
}

function nameServiceEntries(connection: Connection): SandboxEntry[] {
  const why = 'the build may use the network';
  return [
    file('/etc/nsswitch.conf', 'hosts: files dns\nservices: files\n', why),
    ...(connection.kind === 'helper'
      ? [file('/etc/resolv.conf', connection.resolvConf, 'the network helper passes questions on')]
      : []),
    ...[...(connection.kind === 'host' ? ['/etc/resolv.conf'] : []), '/etc/services', '/etc/hosts'].map(
      (path): SandboxEntry => ({
        kind: 'bind',
        source: path,
        target: path,
        readOnly: true,
        optional: true,
        follow: true,
        why,
      }),
    ),
  ];
}

function file(target: string, contents: string, why: string): SandboxEntry {
  return { kind: 'file', target, mode: 0o644, contents, why };
}
