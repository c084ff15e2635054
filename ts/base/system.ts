/** The platform this process runs on, as Nix calls it: `x86_64-linux`, `aarch64-darwin`. */
export function currentSystem(): string {
  return systemOf(process.arch, process.platform);
}

/** Nix's name for a platform that Node calls `arch` and `platform` (`process.arch`, `process.platform`). */
export function systemOf(arch: string, platform: string): string {
  return `${architectures.get(arch) ?? arch}-${platform}`;
}

/** Node's names to Nix's, where they differ. Node runs on no big-endian ppc64 but AIX. */
const architectures: ReadonlyMap<string, string> = new Map([
  ['arm', 'armv7l'],
  ['arm64', 'aarch64'],
  ['ia32', 'i686'],
  ['loong64', 'loongarch64'],
  ['ppc64', 'powerpc64le'],
  ['x64', 'x86_64'],
]);
