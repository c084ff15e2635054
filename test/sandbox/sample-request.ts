import type { BuildRequest } from '../../ts/sandbox/request.js';

/** A build request with a bit of everything. */
export const sampleRequest: BuildRequest = {
  name: 'hello-2.12',
  system: 'x86_64-linux',
  builder: '/nix/store/00000000000000000000000000000002-bash/bin/bash',
  args: ['-e', '/1rz4g4znpzjwh1xymhjpm42vipw92pr73vdgl6xs1hycac8kf2n9/args'],
  env: [
    ['PATH', '/path-not-set'],
    ['out', '/1rz4g4znpzjwh1xymhjpm42vipw92pr73vdgl6xs1hycac8kf2n9'],
  ],
  files: [],
  inputs: [
    '/nix/store/00000000000000000000000000000002-bash',
    '/nix/store/00000000000000000000000000000001-source.patch',
    '/nix/store/00000000000000000000000000000009-hello-2.12',
  ],
  outputs: [{ name: 'out', scratchPath: '/nix/store/00000000000000000000000000000009-hello-2.12' }],
  rewrites: [
    [
      '/1rz4g4znpzjwh1xymhjpm42vipw92pr73vdgl6xs1hycac8kf2n9',
      '/nix/store/00000000000000000000000000000009-hello-2.12',
    ],
  ],
  hostPaths: [
    {
      target: '/bin/sh',
      source: '/usr/bin/busybox',
      optional: false,
      readOnly: true,
      why: 'the default shell, a static busybox',
    },
    { target: '/opt', source: '/opt', optional: true, readOnly: false, why: 'extra-sandbox-paths' },
  ],
  limits: {
    timeoutSeconds: 0,
    maxSilentSeconds: 0,
    maxLogBytes: 0,
    memoryBytes: 0,
    pids: 0,
    cpuPercent: 0,
  },
  network: 'none',
  features: [],
  personality: 0x40000,
};
