import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { stripTypes } from './strip-types.js';

/**
 * What is different when a user's module is loaded: `airplant` is the package this program belongs to, whether or not
 * the module's own project has installed one, and TypeScript loses its types where this Node would not strip them.
 *
 * The functions have the shape of Node's synchronous hooks; module-hooks-worker.ts makes asynchronous ones of them.
 */

export interface HookData {
  /** `file:` URL that `airplant` stands for. */
  readonly packageUrl: string;
}

interface Resolved {
  readonly url: string;
  readonly format: 'module';
  readonly shortCircuit: true;
}

interface Loaded {
  readonly format: 'module';
  readonly source: string;
  readonly shortCircuit: true;
}

/** The place of `airplant`, or undefined for anything else. */
export function resolveOwnPackage(specifier: string, data: HookData): Resolved | undefined {
  return specifier === 'airplant'
    ? { url: data.packageUrl, format: 'module', shortCircuit: true }
    : undefined;
}

/** The module without its types, or undefined for what Node can load itself. */
export function loadTypeScript(url: string): Loaded | undefined {
  if (nodeStripsTypes || !/^file:.*\.m?ts$/.test(url)) return undefined;
  const file = fileURLToPath(url);
  return { format: 'module', source: stripTypes(readFileSync(file, 'utf8'), file), shortCircuit: true };
}

/** Node 22.18 and later strip types by themselves; `process.features.typescript` says so. */
const nodeStripsTypes = Boolean((process.features as { typescript?: unknown }).typescript);
