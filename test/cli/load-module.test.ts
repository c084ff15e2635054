import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { loadModule } from '../../ts/cli/load-module.js';

const fixtures = fileURLToPath(new URL('../../../test/fixtures/modules', import.meta.url));
// Stands for this package, which a user's project need not have installed.
const packageUrl = pathToFileURL(join(fixtures, 'package', 'index.js')).href;
const load = (name: string) => loadModule(join(fixtures, name), packageUrl);
const drv = (name: string) => ({ drvPath: `/nix/store/9sd9qpl47gvr21g7n6kxlx4dch82y0qd-${name}.drv` });

let cache = '';
before(() => {
  cache = mkdtempSync(join(tmpdir(), 'airplant-cache-'));
  process.env['XDG_CACHE_HOME'] = cache;
});
after(() => rmSync(cache, { recursive: true, force: true }));

test('TypeScript that imports TypeScript, and this package', async () => {
  assert.deepEqual(await load('project/default.ts'), {
    derivations: [drv('one'), drv('two')],
    settings: { 'extra-sandbox-paths': ['/usr'], 'log-lines': 7 },
  });
});

test('plain JavaScript, with an await', async () => {
  assert.deepEqual(await load('plain.mjs'), { derivations: [drv('plain')] });
});

const failures: readonly [file: string, message: RegExp][] = [
  ['no-default.mjs', /has no default export/],
  ['number.mjs', /exports something else than derivations/],
  ['empty-list.mjs', /exports something else than derivations/],
  ['throws.mjs', /failed: TypeError: oh no/],
  ['missing-import.ts', /missing\.ts/],
  ['does-not-exist.mjs', /does-not-exist\.mjs/],
  ['odd-settings.mjs', /settings that are not an object/],
  ['enum.ts', /enum/],
  ['syntax.ts', /syntax\.ts/],
];
for (const [file, message] of failures) {
  test(`a clear error for ${file}`, async () => {
    await assert.rejects(load(file), { code: 'ERR_MODULE', message });
  });
}

test('stripped text is kept, where this Node does not strip by itself', () => {
  const stripped = (process.features as { typescript?: unknown }).typescript
    ? []
    : readdirSync(join(cache, 'airplant', 'stripped'));
  assert.equal(stripped.length, (process.features as { typescript?: unknown }).typescript ? 0 : 3);
  assert.ok(stripped.every((name) => /^[0-9a-f]{64}\.js$/.test(name)));
});
