import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

// The arrows of the design: which folder of ts/ may import which. `native` stands for native.ts.
const allowed: Readonly<Record<string, readonly string[]>> = {
  base: [],
  formats: ['base'],
  derivation: ['base', 'formats'],
  config: ['base', 'formats'],
  wire: ['base', 'formats', 'derivation'],
  store: ['base', 'formats', 'derivation', 'config', 'native'],
  substitute: ['base', 'formats', 'derivation', 'config', 'wire', 'store'],
  doctor: ['base', 'config', 'native'],
  sandbox: ['base', 'formats', 'doctor', 'native'],
  build: [
    'base',
    'formats',
    'derivation',
    'config',
    'wire',
    'store',
    'substitute',
    'doctor',
    'sandbox',
    'native',
  ],
  remote: ['base', 'formats', 'derivation', 'config', 'wire', 'store', 'build'],
  serve: ['base', 'formats', 'derivation', 'config', 'wire', 'store', 'substitute', 'build', 'remote'],
  report: ['base'],
};

// Single files at the top of ts/. The composition root and the command line may know everything.
const singleFiles: Readonly<Record<string, readonly string[] | 'all'>> = {
  native: ['base', 'formats', 'sandbox'],
  open: 'all',
  index: 'all',
  main: 'all',
  cli: 'all',
};

const sourceRoot = join(dirname(dirname(dirname(fileURLToPath(import.meta.url)))), 'ts');

interface Import {
  readonly from: string;
  readonly to: string;
  /** `import type` vanishes when compiled: it counts as an arrow, but makes no cycle at run time. */
  readonly typeOnly: boolean;
}

test('every import follows an arrow of the design', () => {
  assert.deepEqual(
    allImports()
      .filter(({ from, to }) => !mayImport(roomOf(from), roomOf(to)))
      .map(({ from, to }) => `${from} imports ${to}`),
    [],
  );
});

test('no cycle between files', () => {
  assert.deepEqual(findCycle(allImports()), undefined);
});

test('only native.ts loads the addon', () => {
  const loaders = sourceFiles().filter((file) => /'bindings'|process\.dlopen/.test(read(file)));
  assert.deepEqual(loaders, ['native.ts']);
});

test('a wrong arrow and a cycle would be seen', () => {
  assert.equal(mayImport('formats', 'store'), false);
  assert.equal(mayImport('build', 'remote'), false);
  assert.equal(mayImport('unheard-of', 'base'), false);
  const edge = (from: string, to: string) => ({ from, to, typeOnly: false });
  assert.deepEqual(findCycle([edge('a', 'b'), edge('b', 'c'), edge('c', 'a')]), ['a', 'b', 'c', 'a']);
  assert.deepEqual(importsOf("import type { X } from './x.js';\nimport('../y/z.js');", 'a/b.ts'), [
    { from: 'a/b.ts', to: 'a/x.ts', typeOnly: true },
    { from: 'a/b.ts', to: 'y/z.ts', typeOnly: false },
  ]);
});

function mayImport(from: string, to: string): boolean {
  if (from === to) return true;
  const rule = singleFiles[from] ?? allowed[from];
  return rule === 'all' || (rule?.includes(to) ?? false);
}

/** Folder of a file below ts/, or its bare name for the single files. */
function roomOf(file: string): string {
  const slash = file.indexOf('/');
  return slash < 0 ? file.replace(/\.ts$/, '') : file.slice(0, slash);
}

function allImports(): Import[] {
  const files = sourceFiles();
  assert.ok(files.length > 10, 'the sources were not found');
  const imports = files.flatMap((file) => importsOf(read(file), file));
  for (const { from, to } of imports)
    assert.ok(existsSync(join(sourceRoot, to)), `${from} imports ${to}, which is not there`);
  return imports;
}

function sourceFiles(): string[] {
  return readdirSync(sourceRoot, { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith('.ts'),
  );
}

function read(file: string): string {
  return readFileSync(join(sourceRoot, file), 'utf8');
}

function importsOf(text: string, file: string): Import[] {
  const statement = /^(?:import|export)\s+(type\s)?[^'";]*?from\s+'(\.[^']+)'|\bimport\('(\.[^']+)'\)/gm;
  return [...text.matchAll(statement)].map(([, typeOnly, fixed, dynamic]) => ({
    from: file,
    to: relative(sourceRoot, join(sourceRoot, dirname(file), (fixed ?? dynamic)!)).replace(/\.js$/, '.ts'),
    typeOnly: typeOnly !== undefined,
  }));
}

function findCycle(imports: readonly Import[]): string[] | undefined {
  const edges = new Map<string, string[]>();
  for (const { from, to, typeOnly } of imports) {
    if (!typeOnly) edges.set(from, [...(edges.get(from) ?? []), to]);
  }
  const done = new Set<string>();
  const trail: string[] = [];
  const visit = (file: string): string[] | undefined => {
    if (trail.includes(file)) return [...trail.slice(trail.indexOf(file)), file];
    if (done.has(file)) return undefined;
    trail.push(file);
    for (const next of edges.get(file) ?? []) {
      const cycle = visit(next);
      if (cycle) return cycle;
    }
    trail.pop();
    done.add(file);
    return undefined;
  };
  for (const file of edges.keys()) {
    const cycle = visit(file);
    if (cycle) return cycle;
  }
  return undefined;
}
