// Prints the flags with which the launcher is linked most statically here: it forks for every sandbox, and a process
// with fewer mappings forks faster. Not every system ships the static libraries, so each choice is tried.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const choices = [['-static'], ['-static-libstdc++', '-static-libgcc']];
const compiler = (process.env.CXX ?? 'c++').split(' ');
const directory = mkdtempSync(join(tmpdir(), 'airplant-link-'));
try {
  const source = join(directory, 'try.cc');
  writeFileSync(source, '#include <string>\nint main() { try { throw std::string("x"); } catch (...) {} }\n');
  const works = (flags) =>
    spawnSync(compiler[0], [...compiler.slice(1), ...flags, source, '-o', join(directory, 'try')]).status ===
    0;
  console.log((choices.find(works) ?? []).join(' '));
} finally {
  rmSync(directory, { recursive: true });
}
