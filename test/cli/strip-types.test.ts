import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { stripTypes } from '../../ts/cli/strip-types.js';

let cache = '';
before(() => {
  cache = mkdtempSync(join(tmpdir(), 'airplant-cache-'));
  process.env['XDG_CACHE_HOME'] = cache;
});
after(() => rmSync(cache, { recursive: true, force: true }));

test('types vanish and every other character keeps its place', () => {
  const source = 'const a: number = 1;\nexport default (a as number)!;\n';
  const code = stripTypes(source, 'a.ts');
  assert.equal(code, 'const a         = 1;\nexport default (a          ) ;\n');
  assert.equal(stripTypes(source, 'b.ts'), code, 'from the cache');
  assert.equal(stripTypes('', 'empty.ts'), '');
});

test('an error names file, line and column', () => {
  assert.throws(() => stripTypes('const a = 1;\n  enum B { c }\n', '/x/y.ts'), {
    code: 'ERR_MODULE',
    message: /^\/x\/y\.ts:2:3: .*enum/,
  });
});

test('a cache that cannot be written does no harm', () => {
  process.env['XDG_CACHE_HOME'] = '/dev/null/nowhere';
  assert.equal(stripTypes('let x: 1;', 'x.ts'), 'let x   ;');
  process.env['XDG_CACHE_HOME'] = cache;
});

test('the cache is private', () => {
  const directory = join(cache, 'airplant', 'stripped');
  assert.ok(readdirSync(directory).length > 0);
  assert.equal(statSync(directory).mode & 0o777, 0o700);
});
