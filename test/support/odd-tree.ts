import {
  chmodSync,
  closeSync,
  ftruncateSync,
  linkSync,
  mkdirSync,
  openSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';

/** A tree with everything a NAR can hold and programs tend to trip over. Returns `path`. */
export function makeOddTree(path: string): string {
  const at = (name: string | Buffer) => Buffer.concat([Buffer.from(`${path}/`), Buffer.from(name)]);
  mkdirSync(path);
  for (const size of [0, 1, 7, 8, 9, 4096, 262_144 - 200, 262_145, 700_001]) {
    writeFileSync(at(`file-${size}`), Buffer.alloc(size, `${size} `));
  }
  writeFileSync(at('program'), '#!/bin/sh\n');
  chmodSync(at('program'), 0o755);
  writeFileSync(at('only-others-execute'), '');
  chmodSync(at('only-others-execute'), 0o655);
  mkdirSync(at('empty'));
  mkdirSync(at('a/b/c/d').toString(), { recursive: true });
  writeFileSync(at('a/b/c/d/leaf'), 'leaf\n');
  // Order by bytes, not by locale, UTF-16 or path: "a-" and "a.b" come before "a/…" does not exist as a name.
  for (const name of ['a-', 'a.b', 'B', '-rf', ' ', 'new\nline', '\x1b[31m', '\u{ff5e}', '\u{1f600}', 'ä']) {
    writeFileSync(at(name), name);
  }
  writeFileSync(at(Buffer.from([0x6e, 0xff, 0x80])), 'not UTF-8');
  writeFileSync(at('n'.repeat(255)), 'long name');
  symlinkSync('file-1', at('link'));
  symlinkSync('/nowhere/at/all', at('dangling'));
  symlinkSync(Buffer.from([0x2f, 0xfe]), at('link-to-bytes'));
  symlinkSync('a', at('link-to-directory'));
  symlinkSync('t'.repeat(4095), at('longest-target'));
  linkSync(at('file-9'), at('same-as-file-9'));
  const sparse = openSync(at('sparse'), 'w');
  ftruncateSync(sparse, 3_000_000);
  writeSync(sparse, 'island', 1_500_000);
  closeSync(sparse);
  return path;
}
