import {
  chmodSync,
  closeSync,
  ftruncateSync,
  linkSync,
  mkdirSync,
  openSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';

/**
 * Makes the 22 trees of test/fixtures/nar/hashes.tsv below `directory`, each under its name. Names and targets are
 * bytes, many of them not UTF-8.
 */
export function makeVectorTrees(directory: string): void {
  const at = (path: string | Buffer) => Buffer.concat([Buffer.from(`${directory}/`), Buffer.from(path)]);
  const file = (path: string | Buffer, contents: string | Uint8Array, mode = 0o644) => {
    mkdirSync(dirname(at(path).toString('latin1')), { recursive: true });
    writeFileSync(at(path), contents);
    chmodSync(at(path), mode);
  };
  const folder = (path: string) => mkdirSync(at(path), { recursive: true });
  const link = (path: string, target: string | Buffer) => symlinkSync(target, at(path));

  file('empty-file', '');
  file('text-file', 'hello\n');
  file('seven-bytes', '1234567');
  file('eight-bytes', '12345678');
  file('executable', '#!/bin/sh\necho hi\n', 0o755);
  // Only the owner's x bit counts.
  file('group-exec-only', 'x', 0o654);
  file('owner-exec-only', 'x', 0o700);
  folder('empty-dir');
  link('symlink', 'target');
  link('symlink-absolute', '/nix/store/00000000000000000000000000000000-x/bin/y');
  link('symlink-odd', Buffer.from('odd \xc3\xbc \xff target', 'latin1'));
  file('one-file-dir/f', 'hello');
  file('nested/a/b/c/d/e', 'deep');
  link('nested/a/b/link', '../../x');
  folder('nested/a/empty');
  file('nested/run', '#!x\n', 0o755);
  // By bytes: neither by locale, nor by UTF-16, nor with the slash of what lies in `foo`.
  const plain = 'a A b B _ 0 9 10 foo-bar foo.x foo! ~ é e \ufffd \u{1f989} \ue000 a.b a-b ab'.split(' ');
  for (const name of [...plain, ' ', 'a b', 'tab\t', 'nl\n_']) file(`sorting/${name}`, name);
  file('sorting/foo/z', '1');
  file('sorting/foo/a', '2');
  const bytes = (name: string) => Buffer.from(`non-utf8/${name}`, 'latin1');
  folder('non-utf8');
  for (const [contents, name] of Object.entries({ 1: '\xff', 2: '\xc0\xaf', 3: 'a\x80b', 4: 'ascii' }))
    file(bytes(name), contents);
  file('case/README', '1');
  file('case/readme', '2');
  folder('case/Dir');
  folder('case/dir');
  file('case-hack-names/a~nix~case~hack~1', '1');
  file(`long-names/${'n'.repeat(255)}`, 'x');
  link('long-names/link', 't'.repeat(4095));
  file('hard-links/a', 'same');
  linkSync(at('hard-links/a'), at('hard-links/b'));
  folder('sparse');
  const sparse = openSync(at('sparse/hole'), 'w');
  ftruncateSync(sparse, 1_000_000);
  closeSync(sparse);
  for (let i = 0; i < 2000; i++) file(`many/${String(i).padStart(5, '0')}`, String(i).padStart(5, '0'));
  file('big-3mb', pseudoRandomBytes(3_000_000));
}

/** The top bytes of a 32-bit linear congruential generator. */
export function pseudoRandomBytes(length: number): Uint8Array {
  let state = 12345;
  return new Uint8Array(length).map(() => {
    state = (Math.imul(1103515245, state) + 12345) >>> 0;
    return state >>> 24;
  });
}
