import { AirplantError } from '../base/errors.js';
import type { Derivation } from '../derivation/derivation.js';
import type { LocalStore } from '../store/local-store.js';
import { knownOutputs } from './plan.js';

/**
 * The inputs as far as they can be told without building anything: the closure of what is valid, and the bare paths
 * of what is not.
 */
export function foreseenInputs(derivation: Derivation, store: LocalStore): string[] {
  const direct = [...derivation.inputSrcs];
  for (const [inputDrv, { outputs }] of derivation.inputDrvs) {
    const known = knownOutputs(store.readDerivation(inputDrv));
    direct.push(...outputs.flatMap((name) => known.get(name) ?? []));
  }
  const valid = direct.filter((path) => store.isValid(path));
  return [...new Set([...store.closure(valid), ...direct])];
}

/**
 * Everything a builder may see of the store: the closure of the input sources and of the used outputs of the input
 * derivations. Each is made a temporary root before it is looked at, so that no collector takes it away meanwhile.
 *
 * Throws ERR_INPUT_MISSING for an input that is not valid.
 */
export async function inputClosure(
  drvPath: string,
  derivation: Derivation,
  store: LocalStore,
): Promise<string[]> {
  const direct = [...derivation.inputSrcs];
  for (const [inputDrv, { outputs }] of derivation.inputDrvs) {
    const known = knownOutputs(store.readDerivation(inputDrv));
    for (const name of outputs) {
      const path = known.get(name);
      if (path === undefined) {
        throw new AirplantError(
          'ERR_INPUT_MISSING',
          `output '${name}' of '${inputDrv}', an input of '${drvPath}', is not known`,
          {
            details: { drvPath, input: inputDrv, output: name },
          },
        );
      }
      direct.push(path);
    }
  }
  for (const path of direct) {
    await store.addTempRoot(path);
    if (!store.isValid(path)) {
      throw new AirplantError(
        'ERR_INPUT_MISSING',
        `dependency '${path}' of '${drvPath}' does not exist, and substitution is disabled`,
        {
          details: { drvPath, input: path },
        },
      );
    }
  }
  return store.closure(direct);
}
