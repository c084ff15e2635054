import { AirplantError } from '../base/errors.js';
import type { Derivation } from '../derivation/derivation.js';
import { isFixedOutput } from '../derivation/fixed.js';
import { type DerivationOptions, derivationOptions } from '../derivation/options.js';
import { checkFixedPaths } from '../derivation/output-paths.js';
import type { ReferenceGraph } from '../derivation/reference-graph.js';
import { isBuiltinBuilder } from '../sandbox/builtin.js';
import { linuxPersonality } from '../sandbox/linux.js';
import type { SeatbeltWishes } from '../sandbox/request.js';
import { buildEnvironment } from './environment.js';
import type { BuildOptions } from './options.js';
import type { BuildRequest } from './records.js';
import { redirectOutputs } from './redirect.js';
import { placeOf, scratchOf } from './scratch.js';
import { isSealed } from './sealing.js';
import { checkBuildable } from './supported.js';

/** What is to be built, and what the store says of it. */
export interface RequestJob {
  readonly drvPath: string;
  readonly derivation: Derivation;
  /** Closure of the inputs: logical store paths. */
  readonly inputs: readonly string[];
  /** The closures that `exportReferencesGraph` asks for, by name. */
  readonly graphs: ReadonlyMap<string, ReferenceGraph>;
  /** Names of outputs with something at their paths that has to stay; none by default. Where a builder does not work in place it always stays. */
  readonly occupied?: readonly string[];
}

/**
 * Turns a derivation with its input closure into a request that says nothing of derivations any more. Pure.
 *
 * Throws ERR_PLATFORM when this machine cannot run it, ERR_UNSUPPORTED when it asks for something that would
 * silently be left out otherwise, ERR_SANDBOX_REQUIRED when it may not be built as it asks, ERR_SANDBOX_PROFILE when it may
 * not have a sandbox profile of its own (macOS), ERR_DERIVATION_INVALID when it contradicts itself.
 */
export function makeRequest(
  { drvPath, derivation, inputs, graphs, occupied = [] }: RequestJob,
  storeDir: string,
  options: BuildOptions,
): BuildRequest {
  const wishes = derivationOptions(derivation);
  checkBuildable({ drvPath, derivation }, wishes, options);
  checkFixedPaths(derivation, storeDir);
  const sealed = isSealed({ drvPath, derivation, noChroot: wishes.noChroot }, options);
  const onMac = options.sandboxSystem.kind === 'darwin';
  const inPlace = !sealed || onMac;
  const redirected = redirectOutputs({ drvPath, derivation }, storeDir, inPlace ? occupied : []);
  const { env, files } = buildEnvironment(derivation, {
    storeDir,
    cores: options.cores,
    buildDirectory: inPlace
      ? placeOf(scratchOf(drvPath), { buildsIn: options.buildsIn }).buildDirectory
      : options.sandboxBuildDirectory,
    fixedOutput: isFixedOutput(derivation),
    // What is built in reads the attributes themselves; no size limits it.
    wishes: isBuiltinBuilder(derivation.builder) ? { ...wishes, passAsFile: [] } : wishes,
    outputs: new Map(redirected.outputs.map(({ name, scratchPath }) => [name, scratchPath])),
    graphs,
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
    ...redirected,
    hostPaths: sealed ? options.hostPaths : [],
    limits: {
      timeoutSeconds: options.timeout,
      maxSilentSeconds: options.maxSilentTime,
      maxLogBytes: options.maxBuildLogSize,
      ...options.resources.limits,
    },
    ...(sealed ? {} : { unsealed: true }),
    ...(inPlace ? { inPlace } : {}),
    network: isFixedOutput(derivation) ? options.fixedOutputNetwork : 'none',
    features: wishes.requiredSystemFeatures,
    // There are none on macOS, where addresses stay random.
    personality: onMac ? 0 : linuxPersonality(derivation.system, options.system.split('-')[0]!),
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
