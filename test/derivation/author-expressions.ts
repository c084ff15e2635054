import { chmodSync, mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { AttributeValue } from '../../ts/derivation/author/coerce.js';
import { createEvaluator, type Evaluator } from '../../ts/derivation/author/evaluator.js';
import type { DerivationValue } from '../../ts/derivation/author/values.js';

/** A directory with all that a source can hold, also names that are not UTF-8 and sort unlike their characters. */
export function makeTree(): string {
  const tree = join(mkdtempSync(join(tmpdir(), 'airplant-author-')), 'tree');
  for (const directory of ['', 'sub', 'sub/deep', 'empty', 'skip']) mkdirSync(join(tree, directory));
  writeFileSync(join(tree, 'run.sh'), '#!/bin/sh\necho hello\n');
  chmodSync(join(tree, 'run.sh'), 0o755);
  writeFileSync(join(tree, 'empty-file'), '');
  writeFileSync(join(tree, 'group-executable'), 'not executable by its owner');
  chmodSync(join(tree, 'group-executable'), 0o654);
  writeFileSync(join(tree, 'sub/deep/file'), 'x'.repeat(1_000_003));
  writeFileSync(join(tree, 'skip/left-out'), 'out');
  for (const name of ['é', '🦉', '\uffff', 'a', 'B', 'a b']) writeFileSync(join(tree, 'sub', name), name);
  if (process.platform === 'linux') {
    writeFileSync(Buffer.concat([Buffer.from(`${tree}/sub/`), Buffer.from([0xff, 0x20, 0xfe])]), 'bytes');
  }
  symlinkSync('run.sh', join(tree, 'link'));
  symlinkSync('/nonexistent/\u00e9', join(tree, 'sub/dangling'));
  return tree;
}

/** The expressions of fixtures/derivations/author.nix in TypeScript. */
export function authorDerivations(tree: string, evaluator: Evaluator = createEvaluator()): DerivationValue[] {
  const { derivation, source, toFile } = evaluator;
  const mk = <const Output extends string = 'out'>(attributes: {
    name: string;
    outputs?: readonly Output[];
    [attribute: string]: AttributeValue;
  }) => derivation<Output>({ system: 'x86_64-linux', builder: '/bin/sh', ...attributes });

  const whole = source(tree, { name: 'tree' });
  const filtered = source(tree, {
    name: 'filtered',
    filter: (path, type) => type !== 'symlink' && basename(path) !== 'skip' && basename(path) !== 'socket',
  });
  const file = source(join(tree, 'run.sh'));
  const link = source(join(tree, 'link'));

  const plainText = toFile('plain.txt', 'text with "quotes", \\ and\n\ttabs\n');
  const textOfText = toFile('text-of-text', `see ${plainText} and ${whole}/run.sh\n`);
  const setup = toFile('setup.sh', `source ${textOfText}\n`);

  const tools = mk({ name: 'tools', outputs: ['bin', 'out', 'man'], args: ['-c', 'true'] });
  const left = mk({ name: 'left', args: [`${tools}/bin/x`, `--man=${tools.man}`] });
  const right = mk({ name: 'right', src: whole, setup });
  const top = mk({
    name: 'top',
    builder: `${tools.out}/sh`,
    args: [left, [right, right], 3, true, null, `${left}:${right}`],
    PATH: `${tools}/bin:${left}/bin`,
    list: [],
    lists: [[], 'a', [], ['b']],
    // biome-ignore lint/suspicious/noApproximativeNumericConstant: any number with many digits would do
    floats: [0.5, -1.25, 3.14159265358979, 0.0078125, 1000000.5, 0.0234375],
    empty: '',
  });
  const all = [
    tools,
    left,
    right,
    top,
    mk({ name: 'sources', whole, filtered, file, link, plainText, textOfText }),
    mk({ name: 'below', inside: `${whole}/sub/deep/file` }),
    mk({ name: 'nulls', __ignoreNulls: true, a: null, b: 'b', list: [null] }),
    mk({ name: 'structured-false', __structuredAttrs: false }),
    mk({
      name: 'structured',
      __structuredAttrs: true,
      outputs: ['dev', 'out'],
      args: ['-e', setup],
      top,
      whole,
      keys: { z: 1, a: { 10: 1, 9: 2, é: 3, '🦉': 4, '\ufffd': 5 } },
      numbers: [0, -1, 0.5, 1.5e-7],
      text: '\r\n\t"\\ 🦉',
      inline: `${left}/x ${tools.man}`,
      nothing: null,
    }),
    mk({ name: 'uses-drv', file: top.drvPath }),
    mk({ name: 'uses-drv-inside', args: [`read ${left.drvPath}!out`] }),
    mk({ name: 'fixed', outputHash: '', outputHashAlgo: 'sha512' }),
    mk({
      name: 'fixed-nar',
      outputHash: 'sha1-qvTGHdzF6KLavt4PO0gs2a6pQ00=',
      outputHashMode: 'recursive',
      dep: top,
    }),
  ];
  return all as unknown as DerivationValue[];
}
