import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { repository } from '../../support/documentation-page.js';
import { vulnerabilities } from './known.js';

const tests = fileURLToPath(new URL('../../', import.meta.url));

/** Ids at the beginning of tests' names: `ID, ID: what is so`. */
function testedIds(): Set<string> {
  const id = /(?:(?:CVE|GHSA)-[\w-]+|(?:Nix|Guix|nsjail) [\w.-]+|bazel#\d+)/.source;
  const name = new RegExp(
    `^ *(?:await )?(?:t\\.)?(?:test|test_)?\\(?["'\`](?:as root: )?(${id}(?:, ${id})*): `,
    'gm',
  );
  const found = new Set<string>();
  for (const file of readdirSync(tests, { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.test.js')) continue;
    for (const [, ids] of readFileSync(join(tests, file), 'utf8').matchAll(name)) {
      for (const one of ids!.split(', ')) found.add(one);
    }
  }
  return found;
}

test('every known vulnerability of a sandbox has a test named by its id, or a reason why not', () => {
  const ids = vulnerabilities.flatMap((one) => one.ids);
  assert.ok(ids.length > 80);
  assert.equal(new Set(ids).size, ids.length, 'each is listed once');
  const tested = testedIds();
  for (const { ids, why } of vulnerabilities) {
    for (const id of ids) assert.equal(tested.has(id), why === undefined, `${id} ${why ?? 'has no test'}`);
  }
  assert.deepEqual(
    [...tested].filter((id) => !ids.includes(id)),
    [],
    'every id that a test is named by is listed',
  );
});

test('the page about security says which are tested and why others are not', () => {
  const page = readFileSync(join(repository, 'docs/security.md'), 'utf8');
  for (const { ids, of, what, why } of vulnerabilities) {
    const row = `| ${ids.join(', ')} | ${of} | ${what} | ${why ?? 'tested'} |`;
    assert.ok(page.includes(row), `docs/security.md lacks the row ${row}`);
  }
});
