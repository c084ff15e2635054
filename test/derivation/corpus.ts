import { readFileSync } from 'node:fs';
import { brotliDecompressSync } from 'node:zlib';
import { decodeText } from '../../ts/base/text.js';
import { parseDerivation } from '../../ts/derivation/aterm-parse.js';
import type { Derivation } from '../../ts/derivation/derivation.js';

/** A set of real derivations; see test/fixtures/derivations/README.md. */
export interface Corpus {
  /** Bytes of each file by store path. */
  readonly files: ReadonlyMap<string, Buffer>;
  readonly manifest: readonly ManifestRow[];
  /** What `nix show-derivation` prints of all of them. */
  readonly showDerivation: string;
  /** Parsed, by store path; throws for an unknown path. */
  readonly lookup: (drvPath: string) => Derivation;
}

export interface ManifestRow {
  readonly drvPath: string;
  readonly kinds: readonly string[];
  readonly system: string;
  /** Path by output name; `-` where it is not known before building. */
  readonly outputs: ReadonlyMap<string, string>;
}

export function loadCorpus(name: 'packages' | 'handmade'): Corpus {
  const files = loadFiles(name);
  const parsed = new Map<string, Derivation>();
  const lookup = (drvPath: string) => {
    let derivation = parsed.get(drvPath);
    if (!derivation) {
      const bytes = files.get(drvPath);
      if (!bytes) throw new Error(`no derivation ${drvPath} among the fixtures`);
      derivation = parseDerivation(bytes, { name: nameOf(drvPath), file: drvPath });
      parsed.set(drvPath, derivation);
    }
    return derivation;
  };
  return { files, manifest: manifest(name), showDerivation: decodeText(read(`${name}.show.json`)), lookup };
}

/** Bytes of `.drv` files by store path, in the order of the fixture. */
export function loadFiles(name: string): Map<string, Buffer> {
  const bases = JSON.parse(read(`${name}.json`).toString()) as Record<string, string>;
  return new Map(
    Object.entries(bases).map(([base, text]) => [`/nix/store/${base}`, Buffer.from(text, 'latin1')]),
  );
}

export function nameOf(drvPath: string): string {
  return drvPath.slice('/nix/store/'.length + 33, -'.drv'.length);
}

function manifest(name: string): ManifestRow[] {
  const [, ...lines] = read(`${name}.tsv`).toString().trimEnd().split('\n');
  return lines.map((line) => {
    const [drvPath, , , kinds, system, outputs] = line.split('\t') as [string, ...string[]];
    return {
      drvPath,
      kinds: kinds!.split(','),
      system: system!,
      outputs: new Map(
        outputs!.split(' ').map((output) => [output.split('=', 1)[0]!, output.replace(/^[^=]*=/, '')]),
      ),
    };
  });
}

function read(name: string): Buffer {
  // Compiled tests lie in dist/test/, the fixtures stay in test/.
  return brotliDecompressSync(
    readFileSync(new URL(`../../../test/fixtures/derivations/${name}.br`, import.meta.url)),
  );
}
