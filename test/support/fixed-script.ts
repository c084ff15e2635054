import { createHash } from 'node:crypto';
import { type DerivationValue, derivation } from '../../ts/index.js';

let names = 0;

/** A fixed-output derivation that runs a shell script in which `bb` is busybox, and then makes its promised output. */
export function fixedScript(script: string, more: Readonly<Record<string, unknown>> = {}): DerivationValue {
  return derivation({
    name: `fixed-${++names}`,
    system: process.arch === 'arm64' ? 'aarch64-linux' : 'x86_64-linux',
    builder: '/bin/busybox',
    args: ['sh', '-c', `bb() { /bin/busybox "$@"; }\n${script}\nbb printf '%s' "$promised" > $out`],
    promised: fixedContent,
    outputHashMode: 'flat',
    outputHashAlgo: 'sha256',
    outputHash: createHash('sha256').update(fixedContent).digest('hex'),
    ...more,
  } as Parameters<typeof derivation>[0]);
}

/** What every `fixedScript` makes. */
export const fixedContent = 'what was promised';
