import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import ts from 'typescript';
import { type CodeBlock, codeBlocks, repository } from '../support/documentation-page.js';
import { requires } from '../support/requires.js';
import { temporaryDirectory } from '../support/temporary.js';

// The examples of the pages as programs of a user's: compiled against the package's types, and run.
const directory = temporaryDirectory('library');
const examples = [...examplesOf('docs/library.md'), ...examplesOf('README.md')];

test('the examples type-check', () => {
  makePackage();
  const files = examples.map(({ name }) => join(directory, `${name}.ts`));
  const program = ts.createProgram(files, {
    target: ts.ScriptTarget.ES2022,
    lib: ['lib.es2023.d.ts', 'lib.esnext.disposable.d.ts'],
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    types: ['node'],
    typeRoots: [join(repository, 'node_modules/@types')],
    strict: true,
    exactOptionalPropertyTypes: true,
    noUnusedLocals: true,
    outDir: join(directory, 'out'),
    rootDir: directory,
  });
  const problems = [...ts.getPreEmitDiagnostics(program), ...program.emit().diagnostics].map(describe);
  assert.deepEqual(problems, []);
});

for (const example of examples) {
  test(`the example at ${example.place} prints what the page says`, requires('user-namespaces'), () => {
    const home = join(directory, example.name);
    mkdirSync(join(home, 'pages'), { recursive: true });
    writeFileSync(join(home, 'pages/index.md'), '# Index\n');
    writeFileSync(join(home, 'who.txt'), 'world\n');
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [join(directory, 'out', `${example.name}.js`)],
      {
        cwd: home,
        encoding: 'utf8',
        // Nothing of this machine's settings.
        env: { PATH: process.env['PATH'], HOME: home, NIX_REMOTE: join(home, 'store'), NIX_CONF_DIR: home },
      },
    );
    assert.equal(status, 0, stderr);
    if (example.output !== undefined) assert.match(stdout, patternOf(example.output), stdout);
  });
}

interface Example {
  readonly name: string;
  /** `docs/library.md:20` */
  readonly place: string;
  readonly text: string;
  readonly output: string | undefined;
}

/** The TypeScript of a page, with the block of text that follows each as what it prints. */
function examplesOf(page: string): Example[] {
  const blocks = codeBlocks(page);
  return blocks.flatMap(({ language, text, line }, index) => {
    if (language !== 'ts') return [];
    const next: CodeBlock | undefined = blocks[index + 1];
    return [
      {
        name: `${page.replaceAll(/\W/g, '-')}-${line}`,
        place: `${page}:${line}`,
        text,
        output: next?.language === 'text' ? next.text : undefined,
      },
    ];
  });
}

/** A package that has airplant among its dependencies. */
function makePackage(): void {
  mkdirSync(join(directory, 'node_modules'));
  symlinkSync(repository, join(directory, 'node_modules/airplant'));
  writeFileSync(join(directory, 'package.json'), '{ "type": "module" }');
  for (const { name, text } of examples) writeFileSync(join(directory, `${name}.ts`), text);
}

function describe({ file, start, messageText }: ts.Diagnostic): string {
  const message = ts.flattenDiagnosticMessageText(messageText, ' ');
  if (!file || start === undefined) return message;
  const example = examples.find(({ name }) => file.fileName.endsWith(`${name}.ts`));
  const { line } = file.getLineAndCharacterOfPosition(start);
  return `${example?.place ?? file.fileName} + ${line}: ${message}`;
}

/** `…` on the page stands for anything without blanks. */
function patternOf(output: string): RegExp {
  const parts = output.split('…').map((part) => part.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&'));
  return new RegExp(`^${parts.join('\\S+')}$`);
}
