/** The platform this process runs on, as Nix calls it: `x86_64-linux`, `aarch64-darwin`. */
export function currentSystem(): string {
  return `${machines[process.arch] ?? process.arch}-${process.platform}`;
}

const machines: Readonly<Record<string, string>> = {
  x64: 'x86_64',
  arm64: 'aarch64',
  ia32: 'i686',
  arm: 'armv7l',
  ppc64: 'powerpc64le',
  riscv64: 'riscv64',
  s390x: 's390x',
  loong64: 'loongarch64',
};
