import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** The NAR of a tree in the most obvious way, whole in memory: what cleverer code is compared with. */
export function naiveNar(path: string | Buffer): Buffer {
  return Buffer.concat([string('nix-archive-1'), node(Buffer.from(path))]);
}

function node(path: Buffer): Buffer {
  const stat = lstatSync(path);
  if (stat.isSymbolicLink()) {
    return strings('(', 'type', 'symlink', 'target', readlinkSync(path, { encoding: 'buffer' }), ')');
  }
  if (stat.isFile()) {
    const executable = stat.mode & 0o100 ? ['executable', ''] : [];
    return strings('(', 'type', 'regular', ...executable, 'contents', readFileSync(path), ')');
  }
  const names = readdirSync(path, { encoding: 'buffer' }).sort(Buffer.compare);
  const entries = names.map((name) => {
    const child = Buffer.concat([path, Buffer.from('/'), name]);
    return Buffer.concat([strings('entry', '(', 'name', name, 'node'), node(child), string(')')]);
  });
  return Buffer.concat([strings('(', 'type', 'directory'), ...entries, string(')')]);
}

function strings(...values: (string | Buffer)[]): Buffer {
  return Buffer.concat(values.map(string));
}

function string(value: string | Buffer): Buffer {
  const bytes = Buffer.from(value as string);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(bytes.length));
  return Buffer.concat([length, bytes, Buffer.alloc((8 - (bytes.length % 8)) % 8)]);
}
