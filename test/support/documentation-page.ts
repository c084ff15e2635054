import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The root of the repository, where README.md and docs/ are. */
export const repository: string = fileURLToPath(new URL('../../..', import.meta.url));

/**
 * Checks the parts of a page that are made by running the code: each is a code block after a line
 * `<!-- made by test: NAME -->`. `npm run docs` writes them instead (AIRPLANT_WRITE_DOCS=1).
 *
 * Every part of the page must be in `parts`, or in `unchecked` if this machine cannot make it.
 */
export function checkMadeParts(
  page: string,
  parts: Readonly<Record<string, string>>,
  { unchecked = [] }: { readonly unchecked?: readonly string[] } = {},
): void {
  const file = join(repository, page);
  const text = readFileSync(file, 'utf8');
  const names = [...text.matchAll(marker)].map(([, name]) => name!);
  assert.deepEqual(
    names.toSorted(),
    [...Object.keys(parts), ...unchecked].toSorted(),
    `the parts of ${page}`,
  );
  const current = text.replaceAll(madePart, (whole, before: string, name: string) => {
    const part = parts[name];
    return part === undefined ? whole : `${before}${part.trimEnd()}\n\`\`\``;
  });
  if (process.env['AIRPLANT_WRITE_DOCS']) writeFileSync(file, current);
  else assert.equal(text, current, `${page} is out of date: run \`npm run docs\``);
}

/** A fenced code block of a page. */
export interface CodeBlock {
  readonly language: string;
  readonly text: string;
  /** Line of the page on which the text starts, from 1. */
  readonly line: number;
}

export function codeBlocks(page: string): CodeBlock[] {
  const text = readFileSync(join(repository, page), 'utf8');
  return [...text.matchAll(/^```(\w*)\n(.*?)^```$/gms)].map((match) => ({
    language: match[1]!,
    text: match[2]!,
    line: text.slice(0, match.index).split('\n').length + 1,
  }));
}

/**
 * A value as JSON for a page, in lines of at most 110 characters as the formatter has them: maps are objects, and
 * `undefined` stands for something left out and shows as `…`.
 */
export function layOut(value: unknown, { indent = '', key = '' } = {}): string {
  const line = key + oneLine(value);
  // There may be a comma to come.
  if (indent.length + line.length < 110 || typeof value !== 'object' || value === null) return line;
  const deeper = `${indent}  `;
  const [open, close, members] = Array.isArray(value)
    ? ['[', ']', value.map((item) => layOut(item, { indent: deeper }))]
    : ['{', '}', entriesOf(value).map(([name, item]) => layOut(item, { indent: deeper, key: keyOf(name) }))];
  return `${key}${open}\n${members.map((member) => deeper + member).join(',\n')}\n${indent}${close}`;
}

const marker = /^<!-- made by test: (.*) -->$/gm;
const madePart = /(^<!-- made by test: ([^\n]*) -->\n+```\w*\n).*?^```$/gms;

function oneLine(value: unknown): string {
  if (value === undefined) return '…';
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(oneLine).join(', ')}]`;
  const members = entriesOf(value).map(([name, member]) => keyOf(name) + oneLine(member));
  return members.length === 0 ? '{}' : `{ ${members.join(', ')} }`;
}

function keyOf(name: string): string {
  return `${JSON.stringify(name)}: `;
}

function entriesOf(value: object): [string, unknown][] {
  return value instanceof Map ? [...value] : Object.entries(value);
}
