import { AirplantError } from '../base/errors.js';
import { quote } from '../base/quote.js';
import { isBuiltinBuilder } from './builtin.js';
import type { BuildRequest } from './request.js';
import type { SandboxCommand } from './spec.js';

/**
 * The command of a build, the same on every platform: rewrites made, argv[0] the last component of the builder as
 * Nix gives it, umask 022, the build directory (as the builder sees it) as working directory.
 * Throws ERR_BUILDER_MISSING for a builder that is neither an absolute path nor built in, and ERR_DERIVATION_INVALID for a NUL, which
 * execve could only cut off.
 */
export function planCommand(request: BuildRequest, cwd: string): SandboxCommand {
  const rewrite = (text: string) => withoutNul(rewriteText(text, request.rewrites), request.name);
  const path = withoutNul(request.builder, request.name);
  if (!path.startsWith('/') && !isBuiltinBuilder(path)) {
    throw new AirplantError(
      'ERR_BUILDER_MISSING',
      `the builder of ${quote(request.name)} is ${quote(path)}, which is not an absolute path`,
      { details: { builder: path } },
    );
  }
  return {
    path,
    argv: [path.slice(path.lastIndexOf('/') + 1), ...request.args.map(rewrite)],
    env: request.env.map(([name, value]) => [withoutNul(name, request.name), rewrite(value)] as const),
    cwd,
    umask: 0o022,
  };
}

/** Makes the replacements one after the other, every occurrence of each. */
export function rewriteText(text: string, rewrites: BuildRequest['rewrites']): string {
  let result = text;
  for (const [from, to] of rewrites) {
    if (from !== '') result = result.replaceAll(from, () => to);
  }
  return result;
}

function withoutNul(text: string, name: string): string {
  if (!text.includes('\0')) return text;
  throw new AirplantError(
    'ERR_DERIVATION_INVALID',
    `the builder, an argument or a variable of ${quote(name)} holds a NUL character: ${quote(text)}`,
    { hint: 'No program can be given a NUL in an argument or a variable; use `passAsFile`.' },
  );
}
