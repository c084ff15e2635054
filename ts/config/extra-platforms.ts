/**
 * Platforms besides `system` whose programs a machine runs as it is: on x86_64-linux the 32-bit ones, and those of the
 * micro-architecture levels that its processor has (`x86_64-v3-linux`), as Nix calls them. `cpuInfo` is the text of
 * /proc/cpuinfo, or its beginning. Pure.
 */
export function extraPlatformsOf(system: string, cpuInfo: string): string[] {
  if (system !== 'x86_64-linux') return [];
  const flags = new Set(/^flags\s*:(.*)$/m.exec(cpuInfo)?.[1]?.split(' '));
  const lacking = levels.findIndex((needed) => !needed.every((flag) => flags.has(flag)));
  const reached = lacking < 0 ? levels.length : lacking;
  return ['i686-linux', ...levels.slice(0, reached).map((_, index) => `x86_64-v${index + 1}-linux`)];
}

/** What each level needs besides the one before, as the kernel calls it (x86-64 psABI; `pni` is SSE3, `abm` LZCNT). */
const levels = [
  ['cmov', 'cx8', 'fpu', 'fxsr', 'mmx', 'sse', 'sse2'],
  ['cx16', 'lahf_lm', 'popcnt', 'pni', 'ssse3', 'sse4_1', 'sse4_2'],
  ['avx', 'avx2', 'bmi1', 'bmi2', 'f16c', 'fma', 'abm', 'movbe'],
  ['avx512f', 'avx512bw', 'avx512cd', 'avx512dq', 'avx512vl'],
];
