/** The programs of Nix's that airplant stands in for when it is called by their names. */
export const classicNames: readonly string[] = ['nix-build', 'nix-hash', 'nix-store'];

/**
 * The words of a command line out of `process.argv`. A program called `nix-store`, through a symlink of that name say,
 * is `airplant nix-store`: node resolves symlinks to find the file it runs, but leaves their names in `argv`.
 */
export function commandWords(argv: readonly string[]): readonly string[] {
  const [, called = '', ...words] = argv;
  const name = called.slice(called.lastIndexOf('/') + 1);
  return classicNames.includes(name) ? [name, ...words] : words;
}
