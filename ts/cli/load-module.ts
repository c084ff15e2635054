import module from 'node:module';
import { pathToFileURL } from 'node:url';
import { AirplantError, isAirplantError } from '../base/errors.js';
import type { SettingsInput } from '../config/load.js';
import type { EvaluatedDerivation } from './engine.js';
import type { HookData } from './module-hooks.js';

/** What a user's module is to `build`. */
export interface BuildModule {
  readonly derivations: readonly EvaluatedDerivation[];
  readonly settings?: SettingsInput;
}

/**
 * Evaluates a module (`.ts .mts .js .mjs`, an absolute path): its default export is a derivation or a list of them,
 * and it may export `settings`. Its own imports may be TypeScript too (named with their ending, as Node wants), and
 * `import 'airplant'` gives the package at `packageUrl`, this one.
 *
 * Throws ERR_MODULE naming the file, with what the module itself threw as the cause.
 */
export async function loadModule(file: string, packageUrl: string = ownPackage): Promise<BuildModule> {
  await installHooks(packageUrl);
  let exports: Record<string, unknown>;
  try {
    exports = await import(pathToFileURL(file).href);
  } catch (cause) {
    throw moduleFailure(file, cause);
  }
  const { default: main, settings } = exports;
  const derivations = Array.isArray(main) ? main : [main];
  if (derivations.length === 0 || !derivations.every(isEvaluatedDerivation)) {
    const what = main === undefined ? 'has no default export' : 'exports something else than derivations';
    throw new AirplantError('ERR_MODULE', `module '${file}' ${what}`, { details: { file } });
  }
  if (settings === undefined) return { derivations };
  if (typeof settings !== 'object' || settings === null || Array.isArray(settings)) {
    throw new AirplantError('ERR_MODULE', `module '${file}' exports settings that are not an object`, {
      hint: "Write, for instance, `export const settings = { 'extra-sandbox-paths': ['/usr'] }`.",
    });
  }
  return { derivations, settings: settings as SettingsInput };
}

const ownPackage = new URL('../index.js', import.meta.url).href;

let installed = false;

/** Once in the life of the process. */
async function installHooks(packageUrl: string): Promise<void> {
  if (installed) return;
  installed = true;
  // Hooks slow down whatever is loaded after them; the module will hardly do without the package.
  await import(packageUrl);
  const data: HookData = { packageUrl };
  const { registerHooks } = module as unknown as { registerHooks?: RegisterHooks };
  if (!registerHooks) {
    module.register<HookData>('./module-hooks-worker.js', { parentURL: import.meta.url, data });
    return;
  }
  const { resolveOwnPackage, loadTypeScript } = await import('./module-hooks.js');
  registerHooks({
    resolve: (specifier, context, next) => resolveOwnPackage(specifier, data) ?? next(specifier, context),
    load: (url, context, next) => loadTypeScript(url) ?? next(url, context),
  });
}

/** Since Node 22.15; not in the types of Node 20. */
type RegisterHooks = (hooks: {
  resolve(
    specifier: string,
    context: unknown,
    next: (specifier: string, context: unknown) => unknown,
  ): unknown;
  load(url: string, context: unknown, next: (url: string, context: unknown) => unknown): unknown;
}) => void;

function isEvaluatedDerivation(value: unknown): value is EvaluatedDerivation {
  return (
    typeof value === 'object' &&
    value !== null &&
    typeof (value as { drvPath?: unknown }).drvPath === 'string'
  );
}

/** An error of airplant's own passes, as it says enough; anything else is the module's failure. */
function moduleFailure(file: string, cause: unknown): AirplantError {
  if (isAirplantError(cause)) return cause;
  const message = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause);
  return new AirplantError('ERR_MODULE', `module '${file}' failed: ${message}`, {
    hint: '`--show-trace` shows where.',
    details: { file },
    cause,
  });
}
