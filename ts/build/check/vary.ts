import { compareText } from '../../base/text.js';
import type { Derivation } from '../../derivation/derivation.js';
import { addrNoRandomize, uname26 } from '../../sandbox/personality.js';
import type { BuildRequest } from '../records.js';
import type { Variation } from './causes/facts.js';
import type { VaryingHost } from './varying-host.js';

/** How far ahead the later clock is, as native/clock has it: no part of a date stays the same. */
export const laterDaySeconds: number = 398 * 86_400 + 7 * 3600 + 13 * 60;

/** Not group-writable, which outputs may not be, and unlike the usual 022 in whatever it lets through. */
const otherUmask = 0o077;

/** Has more digits than the usual 2. */
const otherFirstProcess = 30_000;

const moreDescriptors = 7;

/** Of these a builder usually has `TERM=xterm-256color` alone. */
const otherLocale: readonly (readonly [name: string, value: string])[] = [
  ['COLUMNS', '57'],
  ['LANG', 'C.UTF-8'],
  ['LANGUAGE', 'et:fr'],
  ['LC_ALL', 'C.UTF-8'],
  ['LINES', '31'],
  ['TERM', 'vt100'],
];

/**
 * The same request, except for what a sound build does not depend on; `varied` holds what can be had (`cannotVary`). A
 * variable that the derivation sets itself stays.
 * `none` and `later-start` change nothing: the one is a plain repeat, the other a matter of waiting. Pure.
 */
export function vary(
  request: BuildRequest,
  varied: readonly Variation[],
  { derivation, host }: { readonly derivation: Derivation; readonly host: VaryingHost },
): BuildRequest {
  const context = { derivation, host };
  return varied.reduce((changed, variation) => changes[variation](changed, context), request);
}

type Change = (
  request: BuildRequest,
  context: { readonly derivation: Derivation; readonly host: VaryingHost },
) => BuildRequest;

const changes: Readonly<Record<Variation, Change>> = {
  none: (request) => request,
  'later-start': (request) => request,
  'later-day': (request, { host: { clock } }) =>
    clock === undefined ? request : withVariation(request, { preload: clock }),
  'directory-order': (request) => withVariation(request, { reversed: { inputs: request.inputs } }),
  addresses: (request) => ({ ...request, personality: request.personality ^ addrNoRandomize }),
  cores: (request, { host: { oneProcessor }, derivation }) => {
    const changed = withVariables(request, derivation, [['NIX_BUILD_CORES', otherCores(request)]]);
    return oneProcessor === undefined ? changed : withVariation(changed, { processors: [oneProcessor] });
  },
  'kernel-name': (request) => ({ ...request, personality: request.personality | uname26 }),
  'first-pid': (request) => withVariation(request, { firstProcess: otherFirstProcess }),
  umask: (request) => withVariation(request, { umask: otherUmask }),
  locale: (request, { derivation }) => withVariables(request, derivation, otherLocale),
  descriptors: (request) => withVariation(request, { moreDescriptors }),
};

/** One, as there is one processor; unless that is what it was. */
function otherCores({ env }: BuildRequest): string {
  const usual = env.find(([name]) => name === 'NIX_BUILD_CORES')?.[1];
  return usual === '1' ? '2' : '1';
}

function withVariation(request: BuildRequest, more: NonNullable<BuildRequest['variation']>): BuildRequest {
  return { ...request, variation: { ...request.variation, ...more } };
}

function withVariables(
  request: BuildRequest,
  derivation: Derivation,
  variables: readonly (readonly [name: string, value: string])[],
): BuildRequest {
  const env = new Map(request.env);
  for (const [name, value] of variables) {
    // TERM is ours, whatever the derivation says.
    if (!derivation.env.has(name) || name === 'TERM') env.set(name, value);
  }
  return { ...request, env: [...env].sort(([a], [b]) => compareText(a, b)) };
}
