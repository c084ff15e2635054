import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseElf, readElf } from '../../ts/sandbox/elf.js';
import { requires } from '../support/requires.js';
import { makeElf } from './make-elf.js';

const parse = (bytes: Buffer) => parseElf((offset, length) => bytes.subarray(offset, offset + length));

const sample = {
  interpreter: '/lib64/ld-linux-x86-64.so.2',
  needed: ['libc.so.6', 'libm.so.6'],
  rpath: '/a:$ORIGIN/../lib:',
  runpath: '/b',
};

for (const bits of [32, 64] as const) {
  for (const order of ['little', 'big'] as const) {
    test(`a dynamically linked program, ${bits} bits, ${order} endian`, () => {
      assert.deepEqual(parse(makeElf({ bits, order, machine: 62, ...sample })), {
        bits,
        machine: 62,
        interpreter: '/lib64/ld-linux-x86-64.so.2',
        needed: ['libc.so.6', 'libm.so.6'],
        rpath: ['/a', '$ORIGIN/../lib'],
        runpath: ['/b'],
      });
    });
  }
}

test('a static program has neither interpreter nor needs', () => {
  assert.deepEqual(parse(makeElf({ bits: 64, order: 'little', machine: 183 })), {
    bits: 64,
    machine: 183,
    needed: [],
    rpath: [],
    runpath: [],
  });
});

test('every prefix of a file is refused or read, and reads are small', () => {
  const whole = makeElf({ bits: 64, order: 'little', machine: 62, ...sample });
  for (let length = 0; length < whole.length; length++) parse(whole.subarray(0, length));
  assert.equal(parse(whole.subarray(0, 100)), undefined);
});

test('hostile bytes end in an answer, without unbounded reads', () => {
  const whole = makeElf({ bits: 64, order: 'little', machine: 62, ...sample });
  const change = fc.record({ at: fc.nat(whole.length - 1), byte: fc.nat(255) });
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 12 }), (changes) => {
      const bytes = Buffer.from(whole);
      for (const { at, byte } of changes) bytes[at] = byte;
      let total = 0;
      parseElf((offset, length) => {
        assert.ok(Number.isSafeInteger(offset) && offset >= 0 && Number.isSafeInteger(length) && length >= 0);
        assert.ok(length <= 64 * 1024, `reads ${length} bytes at once`);
        total += length;
        return bytes.subarray(offset, offset + length);
      });
      assert.ok(total < 4 * 1024 * 1024);
    }),
    { numRuns: 5000 },
  );
});

test('what is no ELF file is undefined', () => {
  const directory = mkdtempSync(join(tmpdir(), 'airplant-elf-'));
  try {
    const script = join(directory, 'script');
    writeFileSync(script, '#!/bin/sh\n');
    for (const path of [script, directory, join(directory, 'missing'), '/dev/null']) {
      assert.equal(readElf(path), undefined, path);
    }
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test('node itself agrees with what readelf would say', requires('linux'), () => {
  const node = readElf(process.execPath);
  assert.ok(node);
  // The interpreter's path stands in the file as text.
  if (node.interpreter !== undefined) {
    assert.ok(
      readFileSync(process.execPath)
        .subarray(0, 64 * 1024)
        .includes(`${node.interpreter}\0`),
    );
    assert.ok(node.needed.length > 0);
  }
});

test('busybox-static is static', requires('program:busybox'), () => {
  const busybox = readElf('/bin/busybox');
  if (busybox) assert.deepEqual([busybox.interpreter, busybox.needed], [undefined, []]);
});
