import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { formatDosTime } from '../../../ts/build/check/decode/dos-time.js';
import { examine } from '../../../ts/build/check/examine.js';
import { requires } from '../../support/requires.js';
import { temporaryDirectory } from '../../support/temporary.js';

// The two times a zip file has for an entry: one of MS-DOS, with even seconds, and a Unix time in an extra field.
const needs = requires('program:python3');
const directory = temporaryDirectory('zip-times');
let count = 0;

/** What Python's zipfile makes of one entry; another extra field goes before the Unix time. */
function archive(time: readonly number[], unixTime?: number): Buffer {
  const file = join(directory, `${++count}.zip`);
  const program = `
import struct, sys, zipfile
entry = zipfile.ZipInfo('x', date_time=(${time.join(', ')}))
${unixTime === undefined ? '' : `entry.extra = struct.pack('<HHI', 0x7875, 4, 0) + struct.pack('<HHBi', 0x5455, 5, 1, ${unixTime})`}
with zipfile.ZipFile(sys.argv[1], 'w') as archive:
    archive.writestr(entry, 'the same')
`;
  execFileSync('python3', ['-I', '-c', program, file]);
  return readFileSync(file);
}

function differences(a: Buffer, b: Buffer): string[] {
  const { format, spots } = examine({ a, b });
  assert.equal(format, 'zip');
  return spots.map(({ trail, field, a, b }) => `${trail.join(' > ')}, ${field}: ${a?.text} | ${b?.text}`);
}

test('the time of MS-DOS', needs, () => {
  assert.deepEqual(differences(archive([2026, 1, 2, 3, 4, 6]), archive([2107, 12, 31, 23, 59, 58])), [
    'entry x, time: 2026-01-02 03:04:06 | 2107-12-31 23:59:58',
  ]);
});

test('the Unix time, where the other is the same', needs, () => {
  const time = [2026, 1, 2, 3, 4, 6];
  assert.deepEqual(differences(archive(time, 1_795_275_666), archive(time, 1_795_275_667)), [
    'entry x, mtime: 1795275666 | 1795275667',
  ]);
  assert.deepEqual(differences(archive(time, -1), archive(time)), ['entry x, mtime: -1 | ']);
});

test('the first and the last time there can be', () => {
  assert.equal(formatDosTime(0x0021, 0), '1980-01-01 00:00:00');
  assert.equal(formatDosTime(0xff9f, 0xbf7d), '2107-12-31 23:59:58');
});
