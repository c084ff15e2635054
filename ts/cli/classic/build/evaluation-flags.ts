import type { GlobalFlag } from '../global-flags.js';

/** Flags that only concern evaluation: they are handed on as they are. */
export const evaluationFlags: readonly (readonly [string, GlobalFlag])[] = (
  [
    ['--arg', 2],
    ['--argstr', 2],
    ['-I', 1],
    ['--include', 1],
    ['--impure', 0],
    ['--override-flake', 2],
    ['--eval-store', 1],
  ] as const
).map(([name, values]) => [
  name,
  { values, apply: (options, given) => options.forEvaluation.push(name, ...given) },
]);
