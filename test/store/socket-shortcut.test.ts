import assert from 'node:assert/strict';
import { readlinkSync } from 'node:fs';
import { test } from 'node:test';
import { withShortcut } from '../../ts/store/socket-shortcut.js';

test('a directory that is short enough needs no temporary one', async (t) => {
  const before = process.env['TMPDIR'];
  t.after(() => {
    if (before === undefined) delete process.env['TMPDIR'];
    else process.env['TMPDIR'] = before;
  });
  process.env['TMPDIR'] = '/proc/none';
  assert.equal(
    await withShortcut('/nix/var/nix/gc-socket', async (directory) => directory),
    '/nix/var/nix/gc-socket',
  );
});

test('a longer one gets a name that is short', async () => {
  const long = `/${'x'.repeat(90)}`;
  const [name, target] = await withShortcut(
    long,
    async (shortcut) => [shortcut, readlinkSync(shortcut)] as const,
  );
  assert.equal(target, long);
  assert.ok(name.length < 90, name);
});
