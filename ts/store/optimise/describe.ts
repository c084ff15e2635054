import type { OptimisedStore } from './optimise-store.js';

/** What came of it, in the words of Nix. */
export function describeOptimised({ filesLinked, bytesFreed }: OptimisedStore): string {
  return `${mebibytes(bytesFreed)} freed by hard-linking ${filesLinked} files`;
}

/** As Nix writes sizes. */
export function mebibytes(bytes: number): string {
  return `${(bytes / 1024 ** 2).toFixed(2)} MiB`;
}
