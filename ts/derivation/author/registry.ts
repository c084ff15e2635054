import { nixBase32Alphabet } from '../../formats/nixbase32.js';
import type { HashMemo } from '../hash-modulo.js';
import type { EvaluatedDerivation, EvaluatedObject } from './objects.js';

/**
 * What a piece of text depends on because a store path stands in it; what Nix calls string context.
 * `output`: one output of a derivation. `derivation`: the `.drv` file and everything that can be built from it.
 * `file`: just that path.
 */
export type Reference =
  | { readonly kind: 'output'; readonly drvPath: string; readonly outputName: string }
  | { readonly kind: 'derivation'; readonly drvPath: string }
  | { readonly kind: 'file'; readonly path: string };

/** All that one evaluator has made so far, and how it recognises it in text. */
export class Registry {
  readonly storeDir: string;
  readonly objects = new Map<string, EvaluatedObject>();
  readonly hashMemo: HashMemo = new Map();
  /** By hash part of a store path, or by the digits of a placeholder. */
  readonly #references = new Map<string, Reference>();
  readonly #pattern: RegExp;

  constructor(storeDir: string) {
    this.storeDir = storeDir;
    const digit = `[${nixBase32Alphabet}]`;
    const prefix = storeDir.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
    this.#pattern = new RegExp(`${prefix}/(${digit}{32})-|/(${digit}{52})`, 'g');
  }

  /** Of equal paths the first stays, unless it was only named by `storePath`. */
  add(object: EvaluatedObject): void {
    const known = this.objects.get(object.path);
    if (known && (known.kind !== 'existing' || object.kind === 'existing')) return;
    this.recognise(
      object.path,
      object.kind === 'derivation'
        ? { kind: 'derivation', drvPath: object.path }
        : { kind: 'file', path: object.path },
    );
    this.objects.set(object.path, object);
  }

  /**
   * From now on `path`, a store path or placeholder, found in text means `reference`. The first meaning stays: two
   * derivations may have the same fixed output. But what is made here means more than an existing path.
   */
  recognise(path: string, reference: Reference): void {
    const key = path.startsWith(`${this.storeDir}/`)
      ? path.slice(this.storeDir.length + 1, this.storeDir.length + 33)
      : path.slice(1);
    const known = this.#references.get(key);
    if (known && (known.kind !== 'file' || this.objects.get(known.path)?.kind !== 'existing')) return;
    this.#references.set(key, reference);
  }

  /** What the store paths and placeholders in a text refer to; those of unknown origin to nothing, as in Nix. */
  *referencesIn(text: string): Generator<Reference> {
    for (const [, hashPart, placeholder] of text.matchAll(this.#pattern)) {
      const reference = this.#references.get((hashPart ?? placeholder)!);
      if (reference) yield reference;
    }
  }

  derivation(drvPath: string): EvaluatedDerivation {
    return this.objects.get(drvPath) as EvaluatedDerivation;
  }

  /** The objects at these paths and everything they refer to, referenced ones first. */
  closure(paths: Iterable<string>): EvaluatedObject[] {
    const found = new Set<EvaluatedObject>();
    const entered = new Set<string>();
    const open: { object: EvaluatedObject; rest: Iterator<string> }[] = [];
    const enter = (path: string) => {
      const object = this.objects.get(path);
      if (!object || entered.has(path)) return;
      entered.add(path);
      open.push({ object, rest: object.references[Symbol.iterator]() });
    };
    for (const path of paths) {
      enter(path);
      for (let top = open.at(-1); top; top = open.at(-1)) {
        const next = top.rest.next();
        if (!next.done) enter(next.value);
        else found.add(open.pop()!.object);
      }
    }
    return [...found];
  }
}
