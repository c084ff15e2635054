import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { temporaryDirectory } from './support/temporary.js';

const packageRoot = fileURLToPath(new URL('../../', import.meta.url));
const compiler = createRequire(import.meta.url).resolve('typescript/bin/tsc');

const program = `
import { derivation, openStore, source, type DerivationAttributes } from '${join(packageRoot, 'dist/ts/index.js')}';
const attributes: DerivationAttributes = { name: 'x', builder: '/bin/sh', MORE: 1, src: source('.') };
derivation(attributes);
const two = derivation({ name: 'x', builder: '/bin/sh', args: ['-c', 'true'], outputs: ['out', 'dev'] });
export const dev: string = two.dev.outPath;
// @ts-expect-error no such output
export const none: string = two.none.outPath;
// @ts-expect-error a function is no attribute
derivation({ name: 'x', builder: '/bin/sh', bad: () => 1 });
// @ts-expect-error the builder is missing
derivation({ name: 'x' });
const store = await openStore();
for await (const event of store.build([two, '/nix/store/…'])) if (event.type === 'build.log') event.chunk.length;
`;

test('the types can be read by programs with other compiler options than ours', () => {
  const directory = temporaryDirectory('types');
  writeFileSync(join(directory, 'package.json'), '{"type":"module"}');
  const file = join(directory, 'program.ts');
  writeFileSync(file, program);
  const options = ['--strict', '--noEmit', '--target', 'es2022', '--module', 'nodenext', '--types', 'node'];
  const types = ['--typeRoots', join(dirname(dirname(dirname(compiler))), '@types')];
  const { stdout } = spawnSync(process.execPath, [compiler, ...options, ...types, file], {
    encoding: 'utf8',
    cwd: directory,
  });
  assert.equal(stdout, '');
});
