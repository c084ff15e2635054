import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { SettingsInput } from '../../ts/config/load.js';
import type { Isolation } from '../../ts/sandbox/spec.js';
import { compileFixture } from './compile.js';
import { freshDirectory } from './sandbox.js';

/**
 * A machine with a network, in namespaces of our own: `host`, where builds are started, has loopback services, a
 * nameserver on a loopback address and an abstract socket; beyond its one interface is `peer`, the whole world, which
 * also answers at the address where clouds keep their secrets. Nothing outside is ever reached.
 */
export const scene = {
  peer: '198.51.100.2',
  peer6: 'fd55::2',
  /** The address of the host on the network it shares with the peer. */
  host: '198.51.100.1',
  metadata: '169.254.169.254',
  port: 8080,
  abstractSocket: 'airplant-scene',
} as const;

export interface SceneBuild {
  /** Shell script of a fixed-output derivation. */
  readonly script: string;
  readonly settings: SettingsInput;
  readonly directory: string;
  /** Ask for what listens at this TCP port, at each address of the scene's host, for as long as it is built. */
  readonly knockAt?: number;
}

export interface SceneResult {
  readonly log: string;
  /** What was heard by asking for `knockAt`. */
  readonly heard: string;
  readonly warnings: readonly string[];
  readonly error?: { readonly code: string; readonly message: string; readonly hint: string };
  readonly isolation?: Isolation;
}

const program = (name: string) => fileURLToPath(new URL(`../host/programs/${name}.js`, import.meta.url));

/** Makes the builds one after the other, as an ordinary user of the scene's host. */
export function buildInScene(
  builds: readonly Omit<SceneBuild, 'directory'>[],
  options: {
    readonly nameserver?: string;
    /** Something that can be opened lies at /dev/net/tun, for helpers that never do. */
    readonly pretendTun?: boolean;
  } = {},
): SceneResult[] {
  const directory = freshDirectory('scene');
  const resolvConf = join(directory, 'resolv.conf');
  writeFileSync(resolvConf, `nameserver ${options.nameserver ?? '127.0.0.53'}\n`);
  const placed = builds.map((build, index) => ({ ...build, directory: join(directory, `store-${index}`) }));
  const { stdout, stderr, status } = spawnSync(
    'unshare',
    [
      ...['--user', '--map-root-user', '--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc'],
      ...['sh', '-euc', script, 'sh', resolvConf, process.execPath],
      ...[program('scene-services'), program('scene-builds'), compileFixture('network')],
      ...[options.pretendTun ? '/dev/null' : '/dev/net/tun'],
    ],
    { encoding: 'utf8', input: JSON.stringify(placed), timeout: 120_000 },
  );
  if (status !== 0) throw new Error(`the scene ended with ${status}: ${stderr}\n${stdout}`);
  return JSON.parse(stdout) as SceneResult[];
}

const { host, peer, peer6, metadata, port, abstractSocket } = scene;
const script = `
  PATH=$PATH:/usr/sbin:/sbin
  resolv_conf=$1 node=$2 services=$3 builds=$4 network=$5 tun=$6
  serve() { : > ready; "$@" > ready 2>&1 < /dev/null & until grep -q ready ready; do sleep 0.02; done; }
  cd $(dirname $resolv_conf)
  ip link set lo up
  ip link add outside type veth peer name inside
  unshare --net sleep 1000 < /dev/null > /dev/null 2>&1 & peer=$!
  until [ "$(readlink /proc/$peer/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.02; done
  ip link set inside netns $peer
  nsenter -t $peer -n sh -euc '
    ip link set lo up
    ip addr add ${peer}/24 dev inside
    ip addr add ${metadata}/32 dev inside
    ip addr add ${peer6}/64 dev inside nodad
    ip link set inside up'
  ip addr add ${host}/24 dev outside
  ip addr add fd55::1/64 dev outside nodad
  ip link set outside up
  ip route add default via ${peer}
  ip -6 route add default via ${peer6}
  mount --bind $resolv_conf /etc/resolv.conf
  if [ $tun != /dev/net/tun ]; then mount --bind $tun /dev/net/tun; fi
  serve nsenter -t $peer -n $node $services tcp=${peer}=${port} tcp=${peer6}=${port} tcp=${metadata}=${port}
  serve $node $services tcp=127.0.0.1=${port} tcp=::1=${port} tcp=${host}=${port} \\
    dns=127.0.0.53 dns=127.0.0.1
  serve $network listen ${abstractSocket}
  exec unshare --user --map-user=1000 --map-group=1000 $node $builds
`;
