import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { hashBytes } from '../../ts/formats/hash-bytes.js';
import { dumpTree, type NarTree } from '../../ts/formats/nar/tree.js';
import { anyTree } from '../support/nar-trees.js';
import { longForm, requires } from '../support/requires.js';

test(
  'Nix unpacks our NARs to files of which it makes the same NARs',
  requires('linux', 'program:nix-store', 'program:nix-hash'),
  () => {
    const directory = mkdtempSync(join(tmpdir(), 'airplant-nar-'));
    try {
      const trees = fc.sample(anyTree, longForm ? 2000 : 200);
      const tree: NarTree = {
        type: 'directory',
        entries: new Map(trees.map((child, i) => [`tree-${i}`, child])),
      };
      const nar = dumpTree(tree);
      const restored = join(directory, 'restored');
      execFileSync('nix-store', ['--restore', restored], { input: nar, stdio: ['pipe', 'pipe', 'ignore'] });
      const dumped = execFileSync('nix-store', ['--dump', restored], {
        maxBuffer: 1e9,
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      assert.ok(dumped.equals(nar));
      const nixHash = execFileSync('nix-hash', ['--type', 'sha256', restored], { encoding: 'utf8' });
      assert.equal(nixHash.trim(), hashBytes('sha256', nar).hex);
    } finally {
      rmSync(directory, { recursive: true });
    }
  },
);
