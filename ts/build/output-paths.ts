import { AirplantError } from '../base/errors.js';
import type { Derivation } from '../derivation/derivation.js';
import { knownOutputs } from './plan.js';

/** Store path by output name. Throws ERR_UNSUPPORTED if one is known only after the build. */
export function outputPaths(drvPath: string, derivation: Derivation): Record<string, string> {
  const outputs: Record<string, string> = {};
  for (const [name, path] of knownOutputs(derivation)) {
    if (path === undefined) {
      throw new AirplantError(
        'ERR_UNSUPPORTED',
        `the path of output '${name}' of '${drvPath}' depends on its content`,
        {
          hint: 'Derivations with content-addressed outputs of unknown hash cannot be built by this version.',
          details: { drvPath, output: name },
        },
      );
    }
    outputs[name] = path;
  }
  return outputs;
}
