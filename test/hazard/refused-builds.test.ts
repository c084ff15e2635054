import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Refusal, Refusals } from '../support/refusals.js';
import { requires } from '../support/requires.js';
import { openTestStore } from '../support/stores.js';

// Builds that cannot be: what they ask for, the host or the store is not as it has to be. None is ever less sealed.
const refusals = new Refusals('refused-builds');
const { directory, work, root } = refusals;
const notRoot = process.getuid?.() === 0 ? 'root may read and write everything' : false;

const notExecuted = { status: 100, error: /builder for '.*-x\.drv' failed with exit code 1/ };

const derivations: Readonly<Record<string, { attributes: object; refusal: Omit<Refusal, 'argv'> }>> = {
  'another platform': {
    attributes: { system: 'riscv64-linux' },
    refusal: {
      status: 1,
      error: /a 'riscv64-linux' with features \{\} is required/,
      hint: /extra-platforms/,
    },
  },
  'several things this version does not do': {
    attributes: { builder: 'builtin:nothing', requiredSystemFeatures: ['recursive-nix'] },
    refusal: {
      status: 1,
      error: /asks for the builder 'builtin:nothing'; and for the system feature 'recursive-nix'/,
    },
  },
  'a missing builder': {
    attributes: { builder: '/bin/absent' },
    refusal: { ...notExecuted, hint: /The builder \/bin\/absent, .* does not exist in the sandbox\. / },
  },
  'a builder without a directory': {
    attributes: { builder: 'busybox' },
    refusal: { ...notExecuted, hint: /'busybox', which is not an absolute path\. / },
  },
  'a builder that is no program': {
    attributes: { builder: '/etc/passwd' },
    refusal: { ...notExecuted, hint: /The builder \/etc\/passwd cannot be executed: EACCES\. / },
  },
  'a variable no program can be given': {
    attributes: { large: 'x'.repeat(200_000) },
    refusal: { ...notExecuted, hint: /cannot be executed: E2BIG\. .*passAsFile/ },
  },
  'a builder that fails': {
    attributes: { args: ['sh', '-c', 'exit 3'] },
    refusal: { status: 100, error: /failed with exit code 3/, stderr: /^(?!.*disk space)/s },
  },
  'no output': {
    attributes: { args: ['true'] },
    refusal: { status: 1, error: /failed to produce output path/ },
  },
  'an invalid name': {
    attributes: { name: 'a b' },
    refusal: { status: 1, error: /'a b\.drv' cannot be the name/ },
  },
  'no name': { attributes: { name: '' }, refusal: { status: 1, error: /'' cannot be the name/ } },
  'a name too long': {
    attributes: { name: 'n'.repeat(212) },
    refusal: { status: 1, error: /216 characters, more than 211/ },
  },
};
for (const [what, { attributes, refusal }] of Object.entries(derivations)) {
  test(what, requires('user-namespaces', 'program:busybox'), () => {
    refusals.expect({ argv: ['build', refusals.moduleFile('derivation', { ...attributes })], ...refusal });
  });
}

test('no jobs at all', requires('linux'), () => {
  refusals.expect({
    argv: ['build', refusals.moduleFile('derivation', { args: ['true'] }), '-j0'],
    status: 1,
    error: /^error: unable to start any build; either increase '--max-jobs' or enable remote builds$/,
    hint: /Give `--max-jobs` a number above 0/,
  });
});

test('an input that is missing', requires('linux'), async () => {
  const missing = `/nix/store/${'0'.repeat(32)}-missing`;
  const file = join(work, 'input.json');
  const out = '/nix/store/1rz4g4znpzjwh1xymhjpm42vipw92pr7-x';
  const derivation = { name: 'x', outputs: { out: { path: out } }, inputSrcs: [missing], inputDrvs: {} };
  const more = { system: 'x86_64-linux', builder: '/bin/busybox', args: [], env: { out } };
  writeFileSync(file, JSON.stringify({ ...derivation, ...more }));
  refusals.expect({
    argv: ['build', file],
    status: 1,
    error: new RegExp(`refers to '${missing}', which is not valid`),
  });
});

test('no sandbox where there has to be one', () => {
  refusals.expect({
    argv: [
      'build',
      refusals.moduleFile('derivation', { args: ['sh', '-c', 'echo > $out'] }),
      '--option',
      'sandbox',
      'false',
    ],
    status: 1,
    error: /its paths exist in a sandbox only/,
    hint: /leave `sandbox` at true/,
  });
});

const working = { args: ['sh', '-c', 'echo > $out'] };
const inNamespace = (preparation: string) => [
  ...['unshare', '--user', '--map-root-user', '--mount', '--propagation', 'private'],
  ...['sh', '-ec', `${preparation}\nexec "$@"`, 'sh'],
];

const kinds = { user: 'user', mnt: 'mount', pid: 'pid', ipc: 'ipc', net: 'network', uts: 'uts' };
for (const [kind, step] of Object.entries(kinds)) {
  test(`a kernel that refuses ${kind} namespaces`, requires('user-namespaces'), () => {
    refusals.expect({
      argv: ['build', refusals.moduleFile('derivation', { ...working, kind })],
      under: inNamespace(`echo 0 > /proc/sys/user/max_${kind}_namespaces`),
      status: 1,
      error: new RegExp(`the sandbox cannot be set up: unshare-${step}: ENOSPC`),
      hint: new RegExp(`user\\.max_${kind}_namespaces is 0.*sysctl -w`),
    });
  });
}

test('a store directory that cannot be written', requires('user-namespaces'), async (t) => {
  (await openTestStore(root)).close();
  const readOnly = (path: string) => `mount --bind ${path} ${path}; mount -o remount,bind,ro ${path}`;
  for (const path of [root, join(root, 'nix/store')]) {
    await t.test(`mounted read-only: ${path.slice(root.length)}`, () =>
      refusals.expect({
        argv: ['build', refusals.moduleFile('derivation', working)],
        under: inNamespace(readOnly(path)),
        status: 1,
        error: /the store in '.*' is open for reading only: .*: no permission for/,
        hint: /--store/,
      }),
    );
  }
  await t.test('without permission', { skip: notRoot }, () => {
    const path = join(root, 'nix/store');
    chmodSync(path, 0o555);
    try {
      refusals.expect({
        argv: ['build', refusals.moduleFile('derivation', working)],
        status: 1,
        error: /the store in '.*' is open for reading only: .*: no permission for/,
      });
    } finally {
      chmodSync(path, 0o755);
    }
  });
});

test('a store that is a file', () => {
  const file = join(directory, 'file');
  writeFileSync(file, '');
  refusals.expect({
    argv: ['build', '--store', file, refusals.moduleFile('derivation', working)],
    status: 1,
    error: /ENOTDIR/,
  });
});

const loudly = '/bin/busybox dd if=/dev/zero of=$out bs=1M count=100';

// The disk is a small tmpfs in a namespace of the test's own, which ends with it: what is left there goes to stdout.
const disk = join(directory, 'disk');
mkdirSync(disk);
const onDisk = (size: string) =>
  inNamespace(
    `mount -t tmpfs -o size=${size} tmpfs ${disk}
     "$@" || status=$?
     find ${disk} -path '*/nix/store/*' | grep -v '/\\.links$\\|\\.lock$\\|\\.drv$' || :
     exit "\${status:-0}"`,
  );
const disks: Readonly<Record<string, Omit<Refusal, 'argv'> & { size: string; fill?: string }>> = {
  'too small for a database': {
    size: '64k',
    status: 1,
    error: /no space left to write '.*db\.sqlite'/,
  },
  'filled by the builder': {
    size: '16m',
    // Not a failed build to Nix; and perhaps the log could not be written either.
    status: 1,
    error: /ENOSPC|failed with exit code 1/,
  },
  'filled by a builder that does not say so': {
    size: '16m',
    fill: 'exec 2>/dev/null; /bin/busybox dd if=/dev/zero of=$out bs=1M count=100',
    status: 1,
    error: /failed with exit code 1$/,
    stderr: /^ {7}note: build failure may have been caused by lack of free disk space$/m,
    hint: /Free some space/,
  },
};
for (const [what, { size, fill = loudly, ...refusal }] of Object.entries(disks)) {
  test(`a disk ${what}`, requires('user-namespaces', 'program:busybox'), () => {
    refusals.expect({
      argv: [
        'build',
        '--store',
        join(disk, 'root'),
        refusals.moduleFile('derivation', { args: ['sh', '-ec', fill] }),
      ],
      under: onDisk(size),
      ...refusal,
    });
  });
}
