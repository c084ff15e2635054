import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { requires } from '../support/requires.js';

const packageRoot = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..');

test('the message from addon to launcher is read exactly or not at all', requires('program:c++'), () => {
  const directory = mkdtempSync(join(tmpdir(), 'airplant-test-'));
  try {
    const program = join(directory, 'spec-message');
    const sources = ['test/fixtures/native/spec-message.cc', 'native/spec-message.cc'];
    const sanitizers = ['-fsanitize=address,undefined', '-fno-sanitize-recover=all'];
    execFileSync(
      'c++',
      ['-std=c++20', '-O1', '-g', ...sanitizers, `-I${packageRoot}/native`, '-o', program].concat(
        sources.map((source) => join(packageRoot, source)),
      ),
    );
    assert.equal(execFileSync(program, { encoding: 'utf8' }), 'ok\n');
  } finally {
    rmSync(directory, { recursive: true });
  }
});
