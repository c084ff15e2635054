import { basename, dirname, join } from 'node:path';
import type { Host } from '../doctor/host.js';
import {
  attempt,
  type ControlGroupFiles,
  type HeldGroup,
  isOurName,
  kernelFiles,
  makeHeldGroup,
} from './control-group-files.js';

/** A group that groups of builds can be made in. */
export interface GroupParent {
  readonly directory: string;
  /** Of the controllers wanted, those it hands on to its children, or can be made to. */
  readonly controllers: readonly string[];
  /** It is our own, and hands nothing on before we have left it for a group inside. */
  readonly leave: boolean;
}

/**
 * Looks for a group in which an ordinary user may make others, changing nothing; undefined where there is none.
 *
 * A group that holds processes cannot hand controllers on to its children (the rule of no internal processes, cgroups(7)),
 * and we are in our own. So, in this order, the first that has most of `wanted` (`memory`, `pids`, `cpu`):
 * our own group, which we leave for one inside if nobody but us is in it (as after `systemd-run --user --scope
 * -p Delegate=yes`); the one around it, which systemd hands over with the rest of a user's tree.
 */
export function findGroupParent(
  own: NonNullable<Host['cgroup']>,
  wanted: readonly string[],
  files: ControlGroupFiles = kernelFiles,
): GroupParent | undefined {
  const home = homeOf(own.directory);
  const around = home === own.mount ? [] : [dirname(home)];
  const parents = [home, ...around].flatMap((directory) => lookAt(directory, { own, wanted, files }) ?? []);
  // Stable: of equals the first stays first.
  return parents.sort((a, b) => b.controllers.length - a.controllers.length)[0];
}

/** The same of a group that was named; a sentence that says why where it cannot be used. */
export function checkGroupParent(
  directory: string,
  own: NonNullable<Host['cgroup']>,
  wanted: readonly string[],
  files: ControlGroupFiles = kernelFiles,
): GroupParent | string {
  const inside = directory === own.mount || directory.startsWith(`${own.mount}/`);
  if (!inside || !isGroup(directory, files)) return 'is no control group (version 2) of this machine';
  const shared = commonAncestor(directory, homeOf(own.directory));
  if (!files.writable(join(shared, 'cgroup.procs'))) {
    return `cannot be entered from '${own.directory}', as '${shared}' belongs to somebody else`;
  }
  return lookAt(directory, { own, wanted, files }) ?? 'is not writable';
}

/** Makes a parent that was found hand on what it can. Nothing has changed if it cannot. */
export function prepareGroupParent(
  { directory, controllers, leave }: GroupParent,
  files: ControlGroupFiles = kernelFiles,
): void {
  const left = leave ? leaveFor(directory, files) : undefined;
  if (leave && !left) return;
  // One by one: what one lacks must not keep the others away.
  const enabled = controllers.map((controller) =>
    attempt(() => files.write(join(directory, 'cgroup.subtree_control'), `+${controller}`)),
  );
  if (left && !enabled.includes(true)) comeBack(left, directory, files);
}

interface Search {
  readonly own: NonNullable<Host['cgroup']>;
  readonly wanted: readonly string[];
  readonly files: ControlGroupFiles;
}

function lookAt(directory: string, { own, wanted, files }: Search): GroupParent | undefined {
  const usable = [directory, join(directory, 'cgroup.procs')].every((path) => files.writable(path));
  if (!usable || !isGroup(directory, files)) return undefined;
  const among = (file: string) => {
    const there = words(files, join(directory, file));
    return wanted.filter((controller) => there.includes(controller));
  };
  const handedOn = among('cgroup.subtree_control');
  const settled = { directory, controllers: handedOn, leave: false };
  const possible = among('cgroup.controllers');
  if (possible.length <= handedOn.length) return settled;
  if (!files.writable(join(directory, 'cgroup.subtree_control'))) return settled;
  const members = words(files, join(directory, 'cgroup.procs')).map(Number);
  // The rule has one exception, the root of all groups, which is no child and so has no type.
  if (members.length === 0 || !exists(files, join(directory, 'cgroup.type'))) {
    return { directory, controllers: possible, leave: false };
  }
  const alone = directory === homeOf(own.directory) && members.every((pid) => files.isOurs(pid));
  return alone ? { directory, controllers: possible, leave: true } : settled;
}

/** Our group before we have left it, or whoever started us has. */
function homeOf(directory: string): string {
  return isOurName(basename(directory)) ? dirname(directory) : directory;
}

/** Moves us and all our processes into a new group inside; undefined, and as before, if somebody else is there. */
function leaveFor(directory: string, files: ControlGroupFiles): HeldGroup | undefined {
  const leaf = makeHeldGroup(directory, files);
  if (!leaf) return undefined;
  // Whoever is moved may just have forked.
  for (let rounds = 0; rounds < 100; rounds++) {
    const members = words(files, join(directory, 'cgroup.procs')).map(Number);
    if (members.length === 0) return leaf;
    if (!members.every((pid) => files.isOurs(pid))) break;
    move(members, leaf.directory, files);
  }
  comeBack(leaf, directory, files);
  return undefined;
}

function comeBack(leaf: HeldGroup, directory: string, files: ControlGroupFiles): void {
  move(words(files, join(leaf.directory, 'cgroup.procs')).map(Number), directory, files);
  attempt(() => files.removeDirectory(leaf.directory));
  leaf.release();
}

/** A process that has ended meanwhile is nowhere. */
function move(pids: readonly number[], directory: string, files: ControlGroupFiles): void {
  for (const pid of pids) attempt(() => files.write(join(directory, 'cgroup.procs'), String(pid)));
}

function isGroup(directory: string, files: ControlGroupFiles): boolean {
  return exists(files, join(directory, 'cgroup.controllers'));
}

function exists(files: ControlGroupFiles, path: string): boolean {
  return attempt(() => files.read(path));
}

function words(files: ControlGroupFiles, path: string): string[] {
  let text = '';
  attempt(() => {
    text = files.read(path);
  });
  return text.split(/\s+/).filter(Boolean);
}

function commonAncestor(a: string, b: string): string {
  let ancestor = a;
  while (ancestor !== '/' && b !== ancestor && !b.startsWith(`${ancestor}/`)) ancestor = dirname(ancestor);
  return ancestor;
}
