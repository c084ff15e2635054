import { createHash } from 'node:crypto';
import { AirplantError } from '../base/errors.js';
import { quote } from '../base/quote.js';
import { compareText, encodeText } from '../base/text.js';
import type { Derivation } from '../derivation/derivation.js';
import { encodeNixBase32 } from '../formats/nixbase32.js';
import type { RequestFile } from './records.js';

/** What the environment depends on besides the derivation. */
export interface EnvironmentContext {
  readonly storeDir: string;
  readonly cores: number;
  /** Build directory as the builder sees it. */
  readonly buildDirectory: string;
  readonly fixedOutput: boolean;
  readonly passAsFile: readonly string[];
  readonly impureEnvVars: readonly string[];
  readonly impureEnvironment: Readonly<Record<string, string | undefined>>;
}

/**
 * The builder's whole environment, sorted as Nix passes it, and the files that `passAsFile` puts into the build
 * directory. Nothing is inherited (nix-behaviour §4; the same in Nix 2.8).
 *
 * Throws ERR_DERIVATION_INVALID for a variable that execve(2) cannot pass.
 */
export function buildEnvironment(
  derivation: Derivation,
  context: EnvironmentContext,
): { env: readonly (readonly [string, string])[]; files: readonly RequestFile[] } {
  const files: RequestFile[] = [];
  const env = new Map<string, string>([
    ['PATH', '/path-not-set'],
    ['HOME', '/homeless-shelter'],
    ['NIX_STORE', context.storeDir],
    ['NIX_BUILD_CORES', String(context.cores)],
  ]);
  const asFile = new Set(context.passAsFile);
  for (const [name, value] of derivation.env) {
    if (!asFile.has(name)) {
      env.set(name, value);
      continue;
    }
    const file = `.attr-${encodeNixBase32(createHash('sha256').update(encodeText(name)).digest())}`;
    files.push({ name: file, contents: value, mode: 0o644 });
    env.set(`${name}Path`, `${context.buildDirectory}/${file}`);
  }
  for (const name of ['NIX_BUILD_TOP', 'TMPDIR', 'TEMPDIR', 'TMP', 'TEMP', 'PWD'])
    env.set(name, context.buildDirectory);
  if (context.fixedOutput) {
    env.set('NIX_OUTPUT_CHECKED', '1');
    for (const name of context.impureEnvVars) env.set(name, context.impureEnvironment[name] ?? '');
  }
  env.set('NIX_LOG_FD', '2');
  env.set('TERM', 'xterm-256color');
  for (const [name, value] of env) {
    if (name.includes('\0') || value.includes('\0')) {
      throw new AirplantError('ERR_DERIVATION_INVALID', `environment variable ${quote(name)} holds a NUL`);
    }
  }
  return { env: [...env].sort(([a], [b]) => compareText(a, b)), files };
}
