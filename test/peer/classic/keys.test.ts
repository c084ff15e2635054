import assert from 'node:assert/strict';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { CommandLine } from '../../support/command-line.js';
import { RealNix } from '../../support/nix.js';
import { requires } from '../../support/requires.js';
import { temporaryDirectory } from '../../support/temporary.js';

test(
  'a pair of keys with which Nix signs, and which nobody else can read',
  requires('program:nix'),
  async () => {
    const directory = temporaryDirectory('classic-keys');
    const commandLine = new CommandLine(directory, { NIX_REMOTE: join(directory, 'store') });
    const made = await commandLine.run([
      'nix-store',
      '--generate-binary-cache-key',
      'x-1',
      'secret',
      'public',
    ]);
    assert.equal(made.status, 0, made.stderr);
    assert.equal(statSync(join(directory, 'secret')).mode & 0o777, 0o600);
    const nix = new RealNix(directory, join(directory, 'store'));
    const features = ['--extra-experimental-features', 'nix-command'];
    const path = nix.run('nix-store', '--add', join(directory, 'public'));
    nix.run('nix', ...features, 'store', 'sign', '--key-file', join(directory, 'secret'), path);
    const key = readFileSync(join(directory, 'public'), 'utf8');
    const trusted = ['--option', 'trusted-public-keys', key];
    nix.run('nix', ...features, 'store', 'verify', '--sigs-needed', '1', ...trusted, path);
  },
);
