/**
 * Whether an error of the system says that something is gone, is no such thing, or is not for us to read. Any other, as for
 * want of descriptors or memory, may hide a root, and then nothing may be deleted. As Nix 2.8 does, which knows `ENOENT`,
 * `ENOTDIR`, `EACCES` and `ESRCH`.
 */
export function isNeverReadable(error: unknown): boolean {
  return permanent.has((error as NodeJS.ErrnoException).code ?? '');
}

const permanent: ReadonlySet<string> = new Set([
  'ENOENT',
  'ENOTDIR',
  'ESRCH',
  'EACCES',
  // What a namespace hides of a process.
  'EPERM',
  // A link that has become something else, or leads to what no file can be called.
  'EINVAL',
  'ELOOP',
  'ENAMETOOLONG',
]);
