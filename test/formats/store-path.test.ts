import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ErrorCode, isAirplantError } from '../../ts/base/errors.js';
import {
  checkName,
  isStorePath,
  parseStorePath,
  parseStorePathBase,
  storePathOf,
} from '../../ts/formats/store-path.js';

const hashPart = '73rbvcsk91mg1xh1js6b34cvf9nmcsjf';
const base = `${hashPart}-greeting`;
const path = `/nix/store/${base}`;

const code = (wanted: ErrorCode) => (error: unknown) => isAirplantError(error, wanted);

test('a store path comes apart', () => {
  const parts = { path, base, hashPart, name: 'greeting' };
  assert.deepEqual(parseStorePath('/nix/store', path), parts);
  assert.deepEqual(parseStorePathBase('/nix/store', base), parts);
  assert.equal(parseStorePath('/home/me/store', `/home/me/store/${base}`).path, `/home/me/store/${base}`);
});

test('what is not exactly a store path is refused', () => {
  const wrong = [
    '',
    '/nix/store',
    '/nix/store/',
    base,
    `/nix/store/${hashPart}`,
    `/nix/store/${hashPart}-`,
    `/nix/store/${hashPart}greeting`,
    `/nix/store/${base}/`,
    `/nix/store/${base}/bin`,
    `/nix/store//${base}`,
    `/nix/store/../store/${base}`,
    `/nix/storage/${base}`,
    `/nix/store/e${base.slice(1)}`,
    `/nix/store/0${base}`,
    `/nix/store/${base.toUpperCase()}`,
    `/nix/store/${base}\n`,
    `/nix/store/${base}\0`,
    `/nix/store/${hashPart}-ümlaut`,
    `/nix/store/${hashPart}-${'n'.repeat(212)}`,
    `/nix/store/${hashPart}-.`,
  ];
  for (const text of wrong) {
    assert.throws(() => parseStorePath('/nix/store', text), code('ERR_STORE_PATH'), text);
    assert.equal(isStorePath('/nix/store', text), false, text);
  }
  assert.throws(() => parseStorePathBase('/nix/store', path), code('ERR_STORE_PATH'));
  assert.ok(isStorePath('/nix/store', path));
});

test('names', () => {
  for (const name of ['a', '0', 'A-z+._?=', '.a', '..a', '...', '-', 'a.', '_', 'n'.repeat(211), 'x.drv'])
    checkName(name);
  for (const name of [
    '',
    '.',
    '..',
    '.-',
    '.-a',
    '..-',
    '..-a',
    'a/b',
    'a b',
    'a~',
    'a\n',
    'a\0',
    'ä',
    '\udcff',
    'n'.repeat(212),
  ])
    assert.throws(() => checkName(name), code('ERR_NAME'), JSON.stringify(name));
});

test('a message cannot drive a terminal and does not grow with the value', () => {
  assert.throws(
    () => checkName('\u001b]0;x\u0007\u202e'),
    (error: Error) =>
      /^[\x20-\x7e]*$/.test(error.message) && error.message.includes('\\x1b]0;x\\x07\\u{202e}'),
  );
  assert.throws(
    () => parseStorePath('/nix/store', 'x'.repeat(1e6)),
    (error: Error) => error.message.length < 1000,
  );
});

test('the store path of something below it', () => {
  assert.equal(storePathOf('/nix/store', path), path);
  assert.equal(storePathOf('/nix/store', `${path}/`), path);
  assert.equal(storePathOf('/nix/store', `${path}/bin/..x/.y`), path);
  for (const text of [
    `${path}/..`,
    `${path}/../x`,
    `${path}/.`,
    '/nix/store/x/y',
    '/nix/store',
    '/etc',
    `${path}/a\0b`,
  ])
    assert.throws(() => storePathOf('/nix/store', text), code('ERR_STORE_PATH'), text);
});
