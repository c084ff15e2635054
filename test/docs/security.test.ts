import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { catalogue, type Outcome, type Row, rowIds } from '../hazard/catalogue.js';
import { elsewhere } from '../hazard/elsewhere.js';
import { repository } from '../support/documentation-page.js';

test('the page about security has all rows of the catalogue, and no others', () => {
  const file = join(repository, 'docs/security.md');
  const page = readFileSync(file, 'utf8');
  const current = page
    .replace(between('rows'), (_, before, after) => `${before}${rowsOfTheProbe()}${after}`)
    .replace(between('elsewhere'), (_, before, after) => `${before}${rowsElsewhere()}${after}`);
  if (process.env['AIRPLANT_WRITE_DOCS']) writeFileSync(file, current);
  else assert.equal(page, current, 'docs/security.md is out of date: run `npm run docs`');
  const listed = [...current.matchAll(/^\| ([A-Z]\d+) \|/gm)].map(([, id]) => id!);
  const inTables = listed.filter((id) => rowIds.includes(id));
  assert.deepEqual([...new Set(inTables)].sort(), rowIds.toSorted());
});

test('what is allowed, and what the kernel alone refuses, is explained on the page about security', () => {
  const page = readFileSync(join(repository, 'docs/security.md'), 'utf8');
  const explained = page.slice(0, page.indexOf('<!-- made by test: rows -->'));
  for (const [id, { attempts }] of Object.entries(catalogue)) {
    const outcomes = Object.values(attempts);
    const kinds = outcomes.map((outcome) => outcome.kind);
    const isShown = kinds.includes('blocked') && !outcomes.some(hasNoControl);
    if (!kinds.includes('allowed') && isShown) continue;
    assert.match(explained, new RegExp(`^\\| (\\w+, )*${id}[ ,]`, 'm'), `docs/security.md explains no ${id}`);
  }
});

/** Whether whatever comes of it in the control is right. */
function hasNoControl(outcome: Outcome): boolean {
  if (outcome.kind !== 'kernel' || !(outcome.bare instanceof RegExp)) return false;
  return outcome.bare.test('ok') && outcome.bare.test('anything else');
}

/** A part of the page between the comments that begin and end it. */
function between(name: string): RegExp {
  return new RegExp(`(<!-- made by test: ${name} -->\n\n).*?(<!-- end: ${name} -->)`, 's');
}

function rowsOfTheProbe(): string {
  const rows = rowIds
    .filter((id) => catalogue[id])
    .map((id) => `| ${id} | ${catalogue[id]!.title} | ${verdict(catalogue[id]!)} |\n`);
  return `| row | what is so | attempts |\n| --- | --- | --- |\n${rows.join('')}\n`;
}

/** How many attempts come out in which way. */
function verdict({ attempts }: Row): string {
  const words = { blocked: 'blocked', kernel: 'by the kernel', allowed: 'allowed' };
  const outcomes = Object.values(attempts);
  return Object.entries(words)
    .map(([kind, word]) => [outcomes.filter((outcome) => outcome.kind === kind).length, word] as const)
    .filter(([count]) => count > 0)
    .map(([count, word]) => `${count} ${word}`)
    .join(', ');
}

function rowsElsewhere(): string {
  const rows = rowIds.filter((id) => elsewhere[id]).map((id) => `| ${id} | ${cells(id).join(' | ')} |\n`);
  return `| row | what is so | where | why not by the probe | without the protection |\n| --- | --- | --- | --- | --- |\n${rows.join('')}\n`;
}

function cells(id: string): string[] {
  const { title, tests, why, without } = elsewhere[id]!;
  const files = [...new Set(tests.map(([file]) => file))];
  return [title, files.map((file) => `[${file}](../test/${file}.test.ts)`).join(', '), why, without];
}
