import { AirplantError } from '../../base/errors.js';
import { quote } from '../../base/quote.js';

export type HookKind = 'pre-build hook' | 'post-build hook' | 'diff hook';

/** The one error of hooks: the program, what happened, and what it said about it. */
export function hookError(
  program: string,
  what: string,
  { kind = 'pre-build hook', said = '' }: { readonly kind?: HookKind; readonly said?: string } = {},
): AirplantError {
  const words = said.trim();
  const about = words === '' ? '' : `: ${quote(words, 1000)}`;
  return new AirplantError('ERR_HOOK', `the ${kind} ${quote(program)} ${what}${about}`, {
    details: { program },
    ...(kind === 'post-build hook' ? { hint: afterwards } : {}),
  });
}

const afterwards =
  'The outputs are valid all the same. Mend the program that the setting `post-build-hook` names; it is run again when something is built.';
