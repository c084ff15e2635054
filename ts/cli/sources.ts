import { type Stats, statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { AirplantError, isAirplantError } from '../base/errors.js';
import type { Wanted } from '../build/records.js';
import { type SettingsLayer, settingsLayer } from '../config/load.js';
import type { EvaluatedDerivation, OpenStore } from './engine.js';
import { readInputFile } from './input-file.js';
import { tryStoreOperand } from './store-operand.js';

/** What an operand of `build` turned out to be, before there is a store to look into. */
export type Source =
  | { readonly kind: 'derivation'; readonly path: string; readonly outputs: 'all' | readonly string[] }
  | { readonly kind: 'json'; readonly file: string }
  | { readonly kind: 'module'; readonly file: string; readonly derivations: readonly EvaluatedDerivation[] }
  | { readonly kind: 'path'; readonly path: string };

export interface LoadedSources {
  readonly sources: readonly Source[];
  /** What modules ask for; only a module can, as it is the user's own code. */
  readonly settings: readonly SettingsLayer[];
}

/**
 * Looks at the operands of `build` and evaluates the modules among them. Throws ERR_USAGE for an operand that is
 * nothing `build` takes, ERR_MODULE for a module that fails or exports something else.
 */
export async function loadSources(operands: readonly string[], cwd: string): Promise<LoadedSources> {
  const sources: Source[] = [];
  const settings: SettingsLayer[] = [];
  for (const operand of operands) {
    const source = classify(operand, cwd);
    if (source.kind !== 'module') {
      sources.push(source);
      continue;
    }
    requireFile(source.file);
    const { loadModule } = await import('./load-module.js');
    const module = await loadModule(source.file);
    sources.push({ ...source, derivations: module.derivations });
    if (module.settings) settings.push(settingsLayer({ kind: 'module', file: source.file }, module.settings));
  }
  return { sources, settings };
}

/** Puts into the store whatever has to be there, and says what to build. */
export async function wantedOf(sources: readonly Source[], store: OpenStore, cwd: string): Promise<Wanted[]> {
  const wanted: Wanted[] = [];
  for (const source of sources) {
    switch (source.kind) {
      case 'derivation': {
        const drvPath = await derivationPath(source.path, store, cwd);
        wanted.push({ kind: 'outputs', drvPath, outputs: source.outputs });
        break;
      }
      case 'json':
        for (const drvPath of await addJson(source.file, store)) {
          wanted.push({ kind: 'outputs', drvPath, outputs: 'all' });
        }
        break;
      case 'module':
        for (const drvPath of await store.instantiateAll(source.derivations)) {
          wanted.push({ kind: 'outputs', drvPath, outputs: 'all' });
        }
        break;
      case 'path':
        wanted.push({ kind: 'path', path: storePathOf(source.path, store, cwd) });
    }
  }
  return wanted;
}

type Classified = Exclude<Source, { kind: 'module' }> | { readonly kind: 'module'; readonly file: string };

const moduleEndings = ['.mts', '.ts', '.mjs', '.js'] as const;

function classify(operand: string, cwd: string): Classified {
  const [, path = operand, outputs] = /^(.*\.drv)(?:[!^](.*))?$/s.exec(operand) ?? [];
  if (path.endsWith('.drv')) return { kind: 'derivation', path, outputs: outputNames(operand, outputs) };
  const file = resolve(cwd, operand);
  if (operand.endsWith('.json')) return { kind: 'json', file };
  if (moduleEndings.some((ending) => operand.endsWith(ending))) return { kind: 'module', file };
  const module = defaultModule(file);
  return module ? { kind: 'module', file: module } : { kind: 'path', path: operand };
}

function outputNames(operand: string, text: string | undefined): 'all' | readonly string[] {
  if (text === undefined || text === '*') return 'all';
  const names = text.split(',');
  if (names.every((name) => name !== '')) return names;
  throw new AirplantError('ERR_USAGE', `'${operand}' names an output that is empty`, {
    hint: 'Outputs are named as in `x.drv!out,dev`.',
  });
}

function defaultModule(directory: string): string | undefined {
  return moduleEndings.map((ending) => join(directory, `default${ending}`)).find(isFile);
}

function isFile(path: string): boolean {
  return statIfThere(path)?.isFile() ?? false;
}

/** Undefined also for what would lie below something that is no directory. */
function statIfThere(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOTDIR') return undefined;
    throw error;
  }
}

/** Node would wait for whoever writes to a FIFO. */
function requireFile(module: string): void {
  if (isFile(module)) return;
  const there = statIfThere(module) !== undefined;
  throw new AirplantError(
    'ERR_FILE',
    `module '${module}' ${there ? 'is not a regular file' : 'does not exist'}`,
  );
}

/** The store path of a `.drv`; a file from elsewhere is added first. */
async function derivationPath(text: string, store: OpenStore, cwd: string): Promise<string> {
  const operand = tryStoreOperand(text, { cwd, directories: store.local.directories });
  if (operand && operand.below === '') return operand.storePath;
  const file = resolve(cwd, text);
  const { maxDerivationBytes, parseDerivation } = await import('../derivation/aterm-parse.js');
  const bytes = readInputFile(file, maxDerivationBytes);
  const name = basename(file, '.drv').replace(/^[0-9a-z]{32}-/, '');
  const [drvPath] = await store.local.writeDerivations([parseDerivation(bytes, { name, file })]);
  return drvPath!;
}

async function addJson(file: string, store: OpenStore): Promise<readonly string[]> {
  const [
    { decodeText },
    { maxDerivationBytes },
    { jsonOffset, parseJson },
    { derivationsFromJson },
    { derivationPath },
  ] = await Promise.all([
    import('../base/text.js'),
    import('../derivation/aterm-parse.js'),
    import('../derivation/json-text.js'),
    import('../derivation/json-read.js'),
    import('../derivation/derivation-path.js'),
  ]);
  const { storeDir } = store.local.directories;
  const text = decodeText(readInputFile(file, maxDerivationBytes));
  const document = parseJson(text, file);
  const placed = { file, offsetOf: (path: string) => jsonOffset(text, path) };
  const derivations = readJson(placed, () => derivationsFromJson(document, { storeDir }));
  if (derivations.size === 0) {
    throw new AirplantError('ERR_DERIVATION_SYNTAX', `${file} holds no derivation`, { details: { file } });
  }
  for (const [claimedPath, derivation] of derivations) {
    const drvPath = derivationPath(storeDir, derivation);
    if (claimedPath !== '' && claimedPath !== drvPath) {
      throw new AirplantError(
        'ERR_DERIVATION_INVALID',
        `${file} calls a derivation ${claimedPath}, but its content makes it ${drvPath}`,
      );
    }
  }
  return await store.local.writeDerivations([...derivations.values()]);
}

/** What is wrong with the values in a file is said with their place in the document; here come file and byte. */
function readJson<Value>(
  { file, offsetOf }: { file: string; offsetOf: (path: string) => number | undefined },
  read: () => Value,
): Value {
  try {
    return read();
  } catch (error) {
    if (!isAirplantError(error)) throw error;
    const { code, message, hint, details } = error;
    const { path } = details;
    const offset = typeof path === 'string' ? offsetOf(path) : undefined;
    throw new AirplantError(code, `${file}${offset === undefined ? '' : `, byte ${offset}`}: ${message}`, {
      hint,
      cause: error,
      details: { ...details, file, ...(offset === undefined ? {} : { offset }) },
    });
  }
}

function storePathOf(text: string, store: OpenStore, cwd: string): string {
  const operand = tryStoreOperand(text, { cwd, directories: store.local.directories });
  if (operand) return operand.storePath;
  const what = statIfThere(resolve(cwd, text))?.isDirectory()
    ? `directory '${text}' has no default.mts, default.ts, default.mjs or default.js`
    : `'${text}' is nothing that can be built`;
  throw new AirplantError('ERR_USAGE', what, {
    hint: '`build` takes a .drv, a derivation as .json, a module, a directory with a default module, or a store path.',
  });
}
