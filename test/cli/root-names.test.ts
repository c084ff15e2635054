import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { CommandLine } from '../support/command-line.js';
import { openTestStore } from '../support/stores.js';
import { temporaryDirectory } from '../support/temporary.js';

// Who may make a link below `gcroots`, or a file in a store, chooses its name: a list has one line for each all the same.
const directory = temporaryDirectory('root-names');
const root = join(directory, 'store');
const forged = '/nix/store/00000000000000000000000000000000-forged';

/** By what is printed of them. */
const names: Readonly<Record<string, Buffer>> = {
  plain: Buffer.from('plain'),
  [`new\\x0aline -> ${forged.replaceAll('/', ':')}`]: Buffer.from(
    `new\nline -> ${forged.replaceAll('/', ':')}`,
  ),
  'red\\x1b[31m\\x07': Buffer.from('red\x1b[31m\x07'),
  'left\\u{202e}thgir': Buffer.from('left\u202ethgir'),
  'byte\\xff': Buffer.from([...Buffer.from('byte'), 0xff]),
  'tab\\x09é': Buffer.from('tab\té'),
};

const makeScene = async () => {
  await using store = await openTestStore(root);
  const path = await store.addText({ name: 'kept', contents: 'x', references: [] });
  const roots = join(store.directories.stateDir, 'gcroots');
  for (const name of Object.values(names)) symlinkSync(path, Buffer.concat([Buffer.from(`${roots}/`), name]));
  mkdirSync(join(store.directories.realStoreDir, `left\n${forged.replaceAll('/', ':')}`));
  writeFileSync(join(store.directories.realStoreDir, 'left-\x1b[31m'), '');
  return { path, roots };
};
const scene = makeScene();

const commands: Readonly<Record<string, (path: string) => string[]>> = {
  'gc --print-roots': () => ['gc', '--print-roots', '--store', root],
  'query roots': (path) => ['query', 'roots', '--store', root, path],
  'nix-store --gc --print-roots': () => ['nix-store', '--store', root, '--gc', '--print-roots'],
  'nix-store --query --roots': (path) => ['nix-store', '--store', root, '--query', '--roots', path],
};

for (const [name, argv] of Object.entries(commands)) {
  test(`${name} has a line for each root, whatever its name`, async () => {
    const { path, roots } = await scene;
    const { status, stdout } = await new CommandLine(directory).run(argv(path));
    assert.equal(status, 0);
    const lines = stdout.toString().split('\n');
    assert.equal(lines.pop(), '');
    const own = lines.filter((line) => !line.startsWith('{'));
    assert.deepEqual(
      own.sort(),
      Object.keys(names)
        .map((each) => `${roots}/${each} -> ${path}`)
        .sort(),
    );
  });
}

for (const argv of [
  ['gc', '--print-dead', '--store', root],
  ['nix-store', '--store', root, '--gc', '--print-dead'],
]) {
  test(`${argv[0]} --print-dead has a line for each leftover`, async () => {
    await scene;
    const { status, stdout } = await new CommandLine(directory).run(argv);
    assert.equal(status, 0);
    assert.deepEqual(stdout.toString().split('\n').filter(Boolean).sort(), [
      '/nix/store/left-\\x1b[31m',
      `/nix/store/left\\x0a${forged.replaceAll('/', ':')}`,
    ]);
  });
}
