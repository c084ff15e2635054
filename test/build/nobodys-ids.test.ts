import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { requireNobodys } from '../../ts/build/nobodys-ids.js';
import { temporaryDirectory } from '../support/temporary.js';

const directory = temporaryDirectory('nobodys-ids');
const range = { uid: 1_000_000, gid: 1_000_000 };

const given: readonly [file: string, line: string, name: string][] = [
  ['passwd', 'ann:x:1000001:100:Ann:/home/ann:/bin/sh', 'ann'],
  ['passwd', 'bob:x:1000:1065535:Bob:/home/bob:/bin/sh', 'bob'],
  ['group', 'staff:x:1000000:ann,bob', 'staff'],
  ['subuid', 'ann:900000:100001', 'ann'],
  ['subgid', 'ann:1065535:1', 'ann'],
];
for (const [index, [file, line, name]] of given.entries()) {
  test(`ids that ${file} gives to ${name} are no builder's`, () => {
    const accounts = join(directory, String(index));
    mkdirSync(accounts);
    writeFileSync(join(accounts, file), `root:x:0:0:x\n${line}\n`);
    assert.throws(() => requireNobodys(range, accounts), {
      code: 'ERR_SANDBOX_UNAVAILABLE',
      message: `the ids 1000000 to 1065535 are meant for a build, but ${join(accounts, file)} gives some of them to '${name}'`,
    });
  });
}

test('ids beside those are, and so are those of nobody where there are no such files', () => {
  const accounts = join(directory, 'beside');
  requireNobodys(range, accounts);
  mkdirSync(accounts);
  writeFileSync(join(accounts, 'group'), 'below:x:999999:\nabove:x:1065536:\n');
  writeFileSync(join(accounts, 'subgid'), 'below:900000:100000\nabove:1065536:65536\n');
  requireNobodys(range, accounts);
});
