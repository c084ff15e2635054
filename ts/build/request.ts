import type { Derivation } from '../derivation/derivation.js';
import { derivationOptions } from '../derivation/options.js';
import { outputPlaceholder } from '../formats/placeholder.js';
import { linuxPersonality } from '../sandbox/linux.js';
import { buildEnvironment } from './environment.js';
import type { BuildOptions } from './options.js';
import { knownOutputs } from './plan.js';
import type { BuildRequest } from './records.js';
import { checkBuildable } from './supported.js';

/**
 * Turns a derivation with its input closure into a request that says nothing of derivations any more. Pure.
 *
 * Throws ERR_PLATFORM when this machine cannot run it, ERR_UNSUPPORTED when it asks for something that would
 * silently be left out otherwise, ERR_DERIVATION_INVALID when it contradicts itself.
 */
export function makeRequest(
  { drvPath, derivation, inputs }: { drvPath: string; derivation: Derivation; inputs: readonly string[] },
  storeDir: string,
  options: BuildOptions,
): BuildRequest {
  const wishes = derivationOptions(derivation);
  checkBuildable({ drvPath, derivation }, wishes, options);
  const outputs = [...knownOutputs(derivation)].map(([name, path]) => ({ name, scratchPath: path! }));
  const { env, files } = buildEnvironment(derivation, {
    storeDir,
    cores: options.cores,
    buildDirectory: options.sandboxBuildDirectory,
    fixedOutput: isFixedOutput(derivation),
    passAsFile: wishes.passAsFile,
    impureEnvVars: wishes.impureEnvVars,
    impureEnvironment: options.impureEnvironment,
  });
  return {
    name: derivation.name,
    system: derivation.system,
    builder: derivation.builder,
    args: derivation.args,
    env,
    files,
    inputs,
    outputs,
    rewrites: outputs.map(({ name, scratchPath }) => [outputPlaceholder(name), scratchPath]),
    hostPaths: options.hostPaths,
    limits: {
      timeoutSeconds: options.timeout,
      maxSilentSeconds: options.maxSilentTime,
      maxLogBytes: options.maxBuildLogSize,
    },
    network: 'none',
    features: wishes.requiredSystemFeatures,
    personality: linuxPersonality(derivation.system, options.system.split('-')[0]!),
  };
}

/** True when the content of the outputs is known beforehand. */
export function isFixedOutput(derivation: Derivation): boolean {
  return [...derivation.outputs.values()].some(({ kind }) => kind === 'fixed');
}
