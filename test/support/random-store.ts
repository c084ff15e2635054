import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { native } from '../../ts/native.js';
import type { LocalStore } from '../../ts/store/local-store.js';

/** A path to be made up. */
export interface MadeUpPath {
  readonly path: string;
  readonly references: readonly string[];
  readonly deriver?: string;
}

/** Graphs of up to `most` store paths with names of all kinds; some refer to themselves. */
export function randomGraph(most: number): fc.Arbitrary<MadeUpPath[]> {
  const digits = [...'0123456789abcdfghijklmnpqrsvwxyz'];
  const character = fc.constantFrom(...'abcXYZ019+-._?=');
  const node = fc.record({
    // Few first digits: orders that differ only later are met.
    digit: fc.constantFrom(...digits.slice(0, 4)),
    name: fc.string({ unit: character, minLength: 1, maxLength: 12 }).filter((name) => !name.startsWith('.')),
    needs: fc.uniqueArray(fc.nat(most - 1), { maxLength: 5 }),
  });
  return fc.array(node, { minLength: 1, maxLength: most }).map((nodes) => {
    const paths = nodes.map(({ digit, name }, index) => {
      const rest = [digits[index % 32]!, digits[index >> 5]!];
      return `/nix/store/${digit.repeat(30)}${rest.join('')}-${name}`;
    });
    return nodes.map(({ needs }, index) => ({
      path: paths[index]!,
      references: needs.filter((other) => other <= index).map((other) => paths[other]!),
    }));
  });
}

/** Puts paths into a store that hold their own name and whatever they refer to. */
export async function makeUp(store: LocalStore, paths: readonly MadeUpPath[]): Promise<void> {
  const staging = join(store.directories.realStoreDir, `tmp-made-up-${randomBytes(4).toString('hex')}`);
  mkdirSync(staging);
  const outputs = [];
  for (const [index, made] of paths.entries()) {
    const source = join(staging, `${index}`);
    mkdirSync(source);
    writeFileSync(join(source, 'file'), `${made.path}\n${made.references.join('\n')}\n`);
    await native.canonicaliseTree(source);
    const { hash, narSize } = await native.hashTree(source, []);
    outputs.push({ ...made, source, narHash: { algorithm: 'sha256', hex: hash } as const, narSize });
  }
  await store.registerOutputs(outputs);
  await native.removeTree(staging);
}
