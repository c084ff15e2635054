import { createHash } from 'node:crypto';
import { AirplantError } from '../base/errors.js';
import { quote } from '../base/quote.js';
import { compareText, encodeText } from '../base/text.js';
import type { Derivation } from '../derivation/derivation.js';
import type { JsonObject } from '../derivation/json-text.js';
import type { DerivationOptions } from '../derivation/options.js';
import { printReferenceGraph, type ReferenceGraph } from '../derivation/reference-graph.js';
import { structuredAttributeFiles } from '../derivation/structured-attrs.js';
import { encodeNixBase32 } from '../formats/nixbase32.js';
import type { RequestFile } from './records.js';

/** What the environment depends on besides the derivation. */
export interface EnvironmentContext {
  readonly storeDir: string;
  readonly cores: number;
  /** Build directory as the builder sees it. */
  readonly buildDirectory: string;
  readonly fixedOutput: boolean;
  readonly wishes: Pick<DerivationOptions, 'structuredAttrs' | 'passAsFile' | 'impureEnvVars'>;
  /** Paths the builder writes to, by output name. */
  readonly outputs: ReadonlyMap<string, string>;
  /** By name of the file, or of the structured attribute. */
  readonly graphs: ReadonlyMap<string, ReferenceGraph>;
  readonly impureEnvironment: Readonly<Record<string, string | undefined>>;
}

/** What a builder is given: variables, sorted as Nix passes them, and files in its build directory. */
export interface BuildEnvironment {
  readonly env: readonly (readonly [name: string, value: string])[];
  readonly files: readonly RequestFile[];
}

/**
 * The builder's whole environment, and the files that `passAsFile`, `exportReferencesGraph` and structured attributes
 * put into the build directory. Nothing is inherited (nix-behaviour §4; the same in Nix 2.8).
 *
 * Throws ERR_DERIVATION_INVALID for a variable that execve(2) cannot pass.
 */
export function buildEnvironment(derivation: Derivation, context: EnvironmentContext): BuildEnvironment {
  const { storeDir, cores, buildDirectory, wishes } = context;
  const own = attributesFor(derivation, context);
  const env = new Map<string, string>([
    ['PATH', '/path-not-set'],
    ['HOME', '/homeless-shelter'],
    ['NIX_STORE', storeDir],
    ['NIX_BUILD_CORES', String(cores)],
    ...own.env,
  ]);
  for (const name of ['NIX_BUILD_TOP', 'TMPDIR', 'TEMPDIR', 'TMP', 'TEMP', 'PWD'])
    env.set(name, buildDirectory);
  if (context.fixedOutput) {
    env.set('NIX_OUTPUT_CHECKED', '1');
    for (const name of wishes.impureEnvVars) env.set(name, context.impureEnvironment[name] ?? '');
  }
  env.set('NIX_LOG_FD', '2');
  env.set('TERM', 'xterm-256color');
  for (const [name, value] of env) {
    if (name.includes('\0') || value.includes('\0')) {
      throw new AirplantError('ERR_DERIVATION_INVALID', `environment variable ${quote(name)} holds a NUL`);
    }
  }
  return { env: [...env].sort(([a], [b]) => compareText(a, b)), files: own.files };
}

/** What comes from the attributes of the derivation. */
function attributesFor(derivation: Derivation, context: EnvironmentContext): BuildEnvironment {
  const { structuredAttrs } = context.wishes;
  return structuredAttrs
    ? structuredAttributes(structuredAttrs, context)
    : plainAttributes(derivation, context);
}

/** None of them is a variable: two files hold them all. Their names lead to where the builder sees them (not so in Nix 2.8). */
function structuredAttributes(
  attributes: JsonObject,
  { buildDirectory, outputs, graphs }: EnvironmentContext,
): BuildEnvironment {
  const { json, shell } = structuredAttributeFiles(attributes, { outputs, graphs });
  return {
    env: [
      ['NIX_ATTRS_JSON_FILE', `${buildDirectory}/.attrs.json`],
      ['NIX_ATTRS_SH_FILE', `${buildDirectory}/.attrs.sh`],
    ],
    files: [textFile('.attrs.json', json), textFile('.attrs.sh', shell)],
  };
}

/** Each is a variable, or the contents of a file whose name is one. */
function plainAttributes(
  derivation: Derivation,
  { buildDirectory, wishes, graphs }: EnvironmentContext,
): BuildEnvironment {
  const asFile = new Set(wishes.passAsFile);
  const files: RequestFile[] = [];
  const env = [...derivation.env].map(([name, value]): [string, string] => {
    if (!asFile.has(name)) return [name, value];
    const file = `.attr-${encodeNixBase32(createHash('sha256').update(encodeText(name)).digest())}`;
    files.push(textFile(file, value));
    return [`${name}Path`, `${buildDirectory}/${file}`];
  });
  for (const [name, graph] of graphs) files.push(textFile(name, printReferenceGraph(graph)));
  return { env, files };
}

function textFile(name: string, contents: string): RequestFile {
  return { name, contents, mode: 0o644 };
}
