import type { ResourceLimits } from '../../sandbox/control-group.js';
import type { BuildRequest } from '../records.js';
import { count, flag, list, object, oneOf, optional, type Shape, text, textPair } from './shape.js';

/**
 * What it takes to make the sandbox of a failed build again; kept beside what its builder has left, where no builder could
 * write. The network is the one it really had, and the files of the request are in the build directory already.
 */
export interface KeptRecord {
  readonly version: 1;
  readonly drvPath: string;
  /** Unix seconds. */
  readonly keptAt: number;
  readonly failure: { readonly code: string; readonly message: string };
  readonly request: BuildRequest;
  /** Of each of its parts (`partsOf`), in decimal: a directory that was put in its place is none of them. */
  readonly inodes: readonly string[];
  /** Host directory in which the build directory lies; absent: with the rest. */
  readonly buildsIn?: string | undefined;
  readonly sandbox: KeptSandbox;
}

/** The settings that the sandbox was made by. */
export interface KeptSandbox {
  readonly sandboxBuildDirectory: string;
  readonly devShmSize: string;
  readonly filterSystemCalls: boolean;
  readonly nestedNamespaces: boolean;
  /** For all its processes together, as far as this machine can keep them. */
  readonly limits: ResourceLimits;
}

const request: Shape<BuildRequest> = object({
  name: text,
  system: text,
  builder: text,
  args: list(text),
  env: list(textPair),
  files: list(object({ name: text, contents: text, mode: count })),
  inputs: list(text),
  outputs: list(object({ name: text, scratchPath: text })),
  rewrites: list(textPair),
  hostPaths: list(object({ target: text, source: text, optional: flag, readOnly: flag, why: text })),
  limits: object({
    timeoutSeconds: count,
    maxSilentSeconds: count,
    maxLogBytes: count,
    memoryBytes: optional(count),
    pids: optional(count),
    cpuPercent: optional(count),
  }),
  network: oneOf('none', 'private', 'host'),
  unsealed: optional(flag),
  inPlace: optional(flag),
  seatbelt: optional(object({ profile: text, localNetwork: flag })),
  features: list(text),
  personality: count,
}) as Shape<BuildRequest>;

/** Checks a record that was read. Throws ShapeError. */
export const keptRecord: Shape<KeptRecord> = object({
  version: oneOf(1),
  drvPath: text,
  keptAt: count,
  failure: object({ code: text, message: text }),
  request,
  inodes: list(text),
  buildsIn: optional(text),
  sandbox: object({
    sandboxBuildDirectory: text,
    devShmSize: text,
    filterSystemCalls: flag,
    nestedNamespaces: flag,
    limits: object({ memoryBytes: optional(count), pids: optional(count), cpuPercent: optional(count) }),
  }),
}) as Shape<KeptRecord>;
