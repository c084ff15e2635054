import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { ControlGroupFiles } from '../../ts/sandbox/control-group-files.js';
import { freshDirectory } from './sandbox.js';

const isFile = (path: string) => /^(cgroup|memory|pids|cpu)\./.test(basename(path));
const settings = ['memory.max', 'memory.oom.group', 'pids.max', 'cpu.max'];

/**
 * A tree of control groups (version 2) made of ordinary files, which behaves as the kernel's does where it matters
 * (Documentation/admin-guide/cgroup-v2.rst): a new group has the files of the controllers handed on to it; a group with
 * processes hands none on, unless it is the root; a process is in one group at a time; only empty groups can be removed.
 */
export class FakeGroups {
  readonly root: string = freshDirectory('cgroup');
  readonly files: ControlGroupFiles;
  /** Directories the caller may not write to. */
  readonly foreign = new Set<string>();

  constructor(controllers: readonly string[], ours: readonly number[] = []) {
    writeFileSync(join(this.root, 'cgroup.controllers'), controllers.join(' '));
    for (const file of ['cgroup.subtree_control', 'cgroup.procs']) writeFileSync(join(this.root, file), '');
    this.files = {
      makeDirectory: (path) => this.add(path),
      removeDirectory: (path) => this.#remove(path),
      write: (path, text) => this.#write(path, text),
      read: (path) => readFileSync(path, 'utf8'),
      list: (path) => readdirSync(path),
      writable: (path) => existsSync(path) && !this.foreign.has(isFile(path) ? dirname(path) : path),
      isOurs: (pid) => ours.includes(pid),
    };
  }

  /** Makes a group, and puts processes into it. */
  add(path: string, ...pids: number[]): string {
    mkdirSync(path);
    const given = this.#words(dirname(path), 'cgroup.subtree_control');
    const made = settings.filter((file) => given.includes(file.split('.')[0]!));
    for (const file of [...made, 'cgroup.subtree_control', 'cgroup.kill'])
      writeFileSync(join(path, file), '');
    writeFileSync(join(path, 'cgroup.type'), 'domain\n');
    writeFileSync(join(path, 'cgroup.controllers'), given.join(' '));
    writeFileSync(join(path, 'cgroup.procs'), pids.map((pid) => `${pid}\n`).join(''));
    return path;
  }

  members(group: string): number[] {
    return this.#words(group, 'cgroup.procs').map(Number);
  }

  #write(path: string, text: string): void {
    if (!this.files.writable(path)) throw new Error('EACCES');
    const group = dirname(path);
    switch (basename(path)) {
      case 'cgroup.subtree_control': {
        const controller = text.replace('+', '');
        if (!this.#words(group, 'cgroup.controllers').includes(controller)) throw new Error('ENOENT');
        if (this.members(group).length > 0 && group !== this.root) throw new Error('EBUSY');
        const enabled = new Set([...this.#words(group, 'cgroup.subtree_control'), controller]);
        writeFileSync(path, [...enabled].join(' '));
        break;
      }
      case 'cgroup.procs':
        if (this.#words(group, 'cgroup.subtree_control').length > 0) throw new Error('EBUSY');
        this.#move(Number(text), group);
        break;
      default:
        writeFileSync(path, text);
    }
  }

  #move(pid: number, to: string): void {
    const groups = readdirSync(this.root, { recursive: true, encoding: 'utf8' })
      .filter((name) => basename(name) === 'cgroup.procs')
      .map((name) => join(this.root, dirname(name)));
    for (const group of groups) {
      const others = this.members(group).filter((one) => one !== pid);
      const now = group === to ? [...others, pid] : others;
      writeFileSync(join(group, 'cgroup.procs'), now.map((one) => `${one}\n`).join(''));
    }
  }

  #remove(path: string): void {
    if (this.members(path).length > 0) throw new Error('EBUSY');
    rmSync(path, { recursive: true });
  }

  #words(group: string, file: string): string[] {
    return readFileSync(join(group, file), 'utf8').split(/\s+/).filter(Boolean);
  }
}
