import { compileFixture } from './compile.js';

type Numbers = Readonly<Record<string, number>>;

/** Since Linux 5.1 new calls have one number everywhere. */
const newer: Numbers = {
  pidfd_send_signal: 424,
  open_tree: 428,
  move_mount: 429,
  pidfd_open: 434,
  clone3: 435,
  close_range: 436,
  openat2: 437,
  faccessat2: 439,
  mount_setattr: 442,
  landlock_create_ruleset: 444,
  fchmodat2: 452,
};

/** Numbers of system calls that a kernel may lack, or a filter around us refuse, by the processor as node names it. */
const numbersOf: Readonly<Record<string, Numbers>> = {
  x64: { renameat2: 316, copy_file_range: 326, ...newer },
  arm64: { renameat2: 276, copy_file_range: 285, ...newer },
};

/** Names of those that can be taken away. */
export const removableCalls: readonly string[] = Object.keys(numbersOf['x64']!);

/** The command that runs `command` as on a kernel without these system calls: they answer ENOSYS. */
export function withoutSystemCalls(names: readonly string[], command: readonly string[]): string[] {
  const numbers = numbersOf[process.arch];
  if (!numbers) throw new Error(`the numbers of system calls on ${process.arch} are not known here`);
  const unknown = names.find((name) => !(name in numbers));
  if (unknown !== undefined) throw new Error(`the number of ${unknown} is not known here`);
  return [compileFixture('without'), names.map((name) => numbers[name]).join(','), ...command];
}

/** The command that runs `command` in a user namespace with the caller's ids, as in somebody else's container. */
export function inUserNamespace(command: readonly string[]): string[] {
  return ['unshare', '--user', '--map-current-user', '--', ...command];
}
