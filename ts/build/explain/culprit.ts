/** What a builder tried to reach that its sandbox did not have. */
export interface Culprit {
  readonly kind: CulpritKind;
  /** The name it was tried by; of a search the one that stands for all, or the bare name. */
  readonly path: string;
  /** One sentence. */
  readonly what: string;
  /** What to do about it, a sentence. */
  readonly cure: string;
  /** The setting that would grant it, where one would. */
  readonly setting?: { readonly name: string; readonly value: string };
  /** It may well be why the build failed; otherwise it was only missing. */
  readonly likely: boolean;
  /** How often it was tried. */
  readonly count: number;
  /** Some of the names it was tried by, if those were several. */
  readonly tried: readonly string[];
}

export type CulpritKind =
  | 'interpreter'
  | 'loader'
  | 'program'
  | 'library'
  | 'header'
  | 'undeclared-input'
  | 'not-in-input'
  | 'network'
  | 'socket'
  | 'device'
  | 'kernel-file'
  | 'home'
  | 'write'
  | 'build-file'
  | 'file';
