import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { repository } from '../support/documentation-page.js';

const pages = [
  'README.md',
  'CHANGELOG.md',
  'bench/README.md',
  'examples/README.md',
  ...readdirSync(join(repository, 'docs')).map((name) => `docs/${name}`),
];

for (const page of pages) {
  test(`every link of ${page} leads somewhere`, () => {
    const broken = linksOf(page).filter((link) => !leadsSomewhere(page, link));
    assert.deepEqual(broken, []);
  });
}

test('the examples are all in their list', () => {
  const text = readFileSync(join(repository, 'examples/README.md'), 'utf8');
  const examples = readdirSync(join(repository, 'examples')).filter((name) => name !== 'README.md');
  assert.deepEqual(
    examples.filter((name) => !text.includes(`](${name}/`)),
    [],
  );
});

/** Links to files and headings; the rest of the world is not looked at. */
function linksOf(page: string): string[] {
  const text = readFileSync(join(repository, page), 'utf8');
  return [...text.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, link]) => link!)
    .filter((link) => !/^\w+:/.test(link));
}

function leadsSomewhere(page: string, link: string): boolean {
  const [path, heading] = link.split('#') as [string, string | undefined];
  const file = join(repository, path === '' ? page : join(dirname(page), path));
  if (!existsSync(file)) return false;
  return heading === undefined || headingsOf(file).includes(heading);
}

/** Names of the headings as web hosts make them. */
function headingsOf(file: string): string[] {
  return [...readFileSync(file, 'utf8').matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
    heading!
      .toLowerCase()
      .replaceAll(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  );
}
