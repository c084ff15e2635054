import { AirplantError } from '../base/errors.js';
import type { Derivation } from '../derivation/derivation.js';
import { isFixedOutput } from '../derivation/fixed.js';
import { type DerivationOptions, derivationOptions } from '../derivation/options.js';
import { outputPlaceholder } from '../formats/placeholder.js';
import { linuxPersonality } from '../sandbox/linux.js';
import type { SeatbeltWishes } from '../sandbox/request.js';
import { buildEnvironment } from './environment.js';
import type { BuildOptions } from './options.js';
import { knownOutputs } from './plan.js';
import type { BuildRequest } from './records.js';
import { placeOf, scratchOf } from './scratch.js';
import { isSealed } from './sealing.js';
import { checkBuildable } from './supported.js';

/**
 * Turns a derivation with its input closure into a request that says nothing of derivations any more. Pure.
 *
 * Throws ERR_PLATFORM when this machine cannot run it, ERR_UNSUPPORTED when it asks for something that would
 * silently be left out otherwise, ERR_SANDBOX_REQUIRED when it may not be built as it asks, ERR_SANDBOX_PROFILE when it may
 * not have a sandbox profile of its own (macOS), ERR_DERIVATION_INVALID when it contradicts itself.
 */
export function makeRequest(
  { drvPath, derivation, inputs }: { drvPath: string; derivation: Derivation; inputs: readonly string[] },
  storeDir: string,
  options: BuildOptions,
): BuildRequest {
  const wishes = derivationOptions(derivation);
  checkBuildable({ drvPath, derivation }, wishes, options);
  const sealed = isSealed({ drvPath, derivation, noChroot: wishes.noChroot }, options);
  const outputs = [...knownOutputs(derivation)].map(([name, path]) => ({ name, scratchPath: path! }));
  const { env, files } = buildEnvironment(derivation, {
    storeDir,
    cores: options.cores,
    buildDirectory: sealed ? options.sandboxBuildDirectory : placeOf(scratchOf(drvPath)).buildDirectory,
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
    hostPaths: sealed ? options.hostPaths : [],
    limits: {
      timeoutSeconds: options.timeout,
      maxSilentSeconds: options.maxSilentTime,
      maxLogBytes: options.maxBuildLogSize,
    },
    ...(sealed ? {} : { unsealed: true }),
    network: isFixedOutput(derivation) ? options.fixedOutputNetwork : 'none',
    features: wishes.requiredSystemFeatures,
    personality: linuxPersonality(derivation.system, options.system.split('-')[0]!),
    ...(derivation.system.endsWith('-darwin') ? { seatbelt: seatbeltWishes(drvPath, wishes, options) } : {}),
  };
}

/** As in Nix: with `sandbox = true` no derivation widens its own sandbox. */
function seatbeltWishes(
  drvPath: string,
  wishes: DerivationOptions,
  { sandbox }: BuildOptions,
): SeatbeltWishes {
  const { sandboxProfile, allowLocalNetworking } = wishes;
  if (sandboxProfile !== '' && sandbox === true) {
    throw new AirplantError(
      'ERR_SANDBOX_PROFILE',
      `derivation '${drvPath}' specifies a sandbox profile, but this is only allowed when 'sandbox' is 'relaxed'`,
      { hint: 'Build it with `--option sandbox relaxed` if you trust it.', details: { drvPath } },
    );
  }
  return { profile: sandboxProfile, localNetwork: allowLocalNetworking };
}
