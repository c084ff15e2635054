import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Command } from '../../ts/cli/command.js';
import { commonFlags } from '../../ts/cli/common-flags.js';
import { generatedPages } from '../../ts/cli/documentation.js';
import { verbs } from '../../ts/cli/verbs.js';

const docs = fileURLToPath(new URL('../../../docs', import.meta.url));

test('generated pages are current', async () => {
  for (const [name, text] of await generatedPages()) {
    const file = join(docs, name);
    if (process.env['AIRPLANT_WRITE_DOCS']) {
      mkdirSync(docs, { recursive: true });
      writeFileSync(file, text);
    }
    assert.equal(readFileSync(file, 'utf8'), text, `${name} is out of date: run \`npm run docs\``);
  }
});

test('no command has two flags of one name', async () => {
  for (const command of await allCommands()) {
    const flags = [...command.flags, ...commonFlags];
    const words = flags.flatMap(({ long, short, negatable }) => [
      `--${long}`,
      ...(negatable ? [`--no-${long}`] : []),
      ...(short ? [`-${short}`] : []),
    ]);
    assert.equal(new Set(words).size, words.length, command.name);
  }
});

test('commands are called what the table calls them, and begin with a sentence', async () => {
  for (const verb of verbs) {
    const loaded = await verb.load();
    assert.equal(loaded.name, verb.name);
    for (const command of 'commands' in loaded ? loaded.commands : [loaded]) {
      assert.equal(command.name.split(' ')[0], verb.name);
      assert.match(command.description.split('\n\n')[0]!, /^[A-Z].*[.]$/);
    }
  }
});

async function allCommands(): Promise<Command[]> {
  const loaded = await Promise.all(verbs.map((verb) => verb.load()));
  return loaded.flatMap((one) => {
    if ('runClassic' in one) return [];
    return 'commands' in one ? [...one.commands] : [one];
  });
}
