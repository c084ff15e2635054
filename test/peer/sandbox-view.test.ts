import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { plainRequest } from '../../ts/sandbox/plain-request.js';
import { PlannedPlace, shellPaths } from '../support/planned-builds.js';
import { requires } from '../support/requires.js';
import { busybox, freshDirectory, runSpec } from '../support/sandbox.js';

const listing = fileURLToPath(new URL('../../../test/fixtures/sandbox/listing.sh', import.meta.url));

test(
  'a builder that lists all it sees makes the same output under Nix and here',
  requires('user-namespaces', 'program:nix-build', 'program:busybox'),
  async () => {
    const nix = buildWithNix();
    assert.equal(sameTerminal(await buildHere(nix)), sameTerminal(nix.contents));
  },
);

interface NixBuild {
  readonly out: string;
  readonly script: string;
  readonly contents: string;
}

function buildWithNix(): NixBuild {
  const directory = freshDirectory('nix');
  const expression = `derivation {
    name = "listing"; system = builtins.currentSystem; builder = "/bin/sh"; args = [ ${listing} "a b" ];
  }`;
  const { status, stdout, stderr } = spawnSync(
    'nix-build',
    ['--store', directory, '--no-out-link', '-E', expression],
    {
      encoding: 'utf8',
      env: {
        ...process.env,
        NIX_REMOTE: '',
        NIX_CONFIG: [
          'sandbox = true',
          'substitute = false',
          'build-users-group =',
          'cores = 3',
          'system-features =',
          `sandbox-paths = /bin/sh=${busybox} /bin/busybox=${busybox}`,
        ].join('\n'),
      },
    },
  );
  assert.equal(status, 0, stderr);
  const out = stdout.trim();
  const contents = readFileSync(join(directory, out), 'utf8');
  const script = /^argument: (\/nix\/store\/\S+)$/m.exec(contents)?.[1];
  assert.ok(script);
  return { out, script, contents };
}

async function buildHere({ out, script }: NixBuild): Promise<string> {
  const place = new PlannedPlace(freshDirectory('here'));
  const { store, outputs, temporary } = place;
  chmodSync(outputs, 0o1775);
  chmodSync(temporary, 0o1777);
  writeFileSync(join(store, basename(script)), readFileSync(listing));
  chmodSync(join(store, basename(script)), 0o444);
  const top = ['NIX_BUILD_TOP', 'PWD', 'TEMP', 'TEMPDIR', 'TMP', 'TMPDIR'];
  const request = plainRequest(out, {
    name: 'listing',
    system: 'x86_64-linux',
    builder: '/bin/sh',
    args: [script, 'a b'],
    env: [
      ['HOME', '/homeless-shelter'],
      ['NIX_BUILD_CORES', '3'],
      ['NIX_LOG_FD', '2'],
      ['NIX_STORE', '/nix/store'],
      ['PATH', '/path-not-set'],
      ['TERM', 'xterm-256color'],
      ['builder', '/bin/sh'],
      ['name', 'listing'],
      ['out', out],
      ['system', nixSystem()],
      ...top.map((name) => [name, '/build'] as const),
    ],
    inputs: [script],
    hostPaths: shellPaths,
  });
  const { exit, log } = await runSpec(place.plan(request));
  assert.deepEqual(exit.kind === 'exited' && exit.status, 0, log);
  return readFileSync(join(outputs, basename(out)), 'utf8');
}

function nixSystem(): string {
  return `${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux`;
}

/** The number of the log's terminal is the host's, and whatever is free there. */
function sameTerminal(listing: string): string {
  return listing.replace(/^\/dev\/pts\/\d+$/m, '/dev/pts/N');
}
