import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isAirplantError } from '../../ts/base/errors.js';
import { decodeText } from '../../ts/base/text.js';
import { type DarwinPlace, planDarwinSandbox, planDarwinUnsealed } from '../../ts/sandbox/darwin.js';
import { readDarwinProfiles } from '../../ts/sandbox/darwin-profiles.js';
import { planUnsealed } from '../../ts/sandbox/fallback.js';
import { describeIsolation } from '../../ts/sandbox/isolation.js';
import type { BuildRequest } from '../../ts/sandbox/request.js';
import { allowForms, quoteSbpl } from '../../ts/sandbox/sbpl.js';
import { checkSbpl } from '../../ts/sandbox/sbpl-check.js';
import { assertGolden } from '../support/golden.js';
import { sampleRequest } from './sample-request.js';

const place: DarwinPlace = {
  buildDirectory: '/private/tmp/airplant-build-hello-0',
  storeDir: '/nix/store',
  realStoreDir: '/nix/store',
  ids: { uid: 501, gid: 20 },
  temporaryDirectory: '/private/tmp',
  realPath: (path) => (path.startsWith('/link') ? `/private${path}` : path),
  kindOf: (path) =>
    path.endsWith('.patch') || path === '/bin/sh' ? 'other' : path === '/opt' ? 'missing' : 'directory',
};
const profiles = await readDarwinProfiles();
const hostPaths = sampleRequest.hostPaths.map((path) => ({ ...path, source: path.target }));

const profile = (change: Partial<BuildRequest> = {}) => {
  const { backend } = planDarwinSandbox({ ...sampleRequest, hostPaths, ...change }, place, profiles);
  assert.equal(backend?.kind, 'darwin-seatbelt');
  return backend.kind === 'darwin-seatbelt' ? backend.profile : '';
};

test('the whole profile of an ordinary build', () => {
  assertGolden(profile(), 'sandbox/darwin-profile.sb');
});

test('inputs can be read and not written', () => {
  for (const form of profile()
    .split(/^\(allow /m)
    .filter((text) => text.includes('2-bash"'))) {
    assert.doesNotMatch(form.split('\n')[0]!, /write|file\*/);
  }
});

test('the network only where asked for', () => {
  assert.doesNotMatch(profile(), /\(local ip\) \(remote ip\)/);
  assert.match(profile({ network: 'host' }), /\(local ip\) \(remote ip\)/);
});

test('bazel#29427: a path is a string literal that reads back as its bytes and holds no quote, whatever they are', () => {
  assert.equal(quoteSbpl('/a") (allow default) ; \\ \n'), '"/a\\") (allow default) ; \\\\ \\x0a"');
  const bytes = fc.uint8Array({ min: 1, maxLength: 300 });
  const nasty = fc
    .array(fc.constantFrom('"', '\\', '\n', ')', '(', ';', '#', 'x', '0', 'é'))
    .map((all) => all.join(''));
  const property = fc.property(fc.oneof(bytes.map(decodeText), nasty), (text) => {
    const literal = quoteSbpl(text);
    assert.match(literal, /^[ -~]*$/);
    assert.deepEqual(readString(literal), { text, rest: '' });
  });
  fc.assert(property, { numRuns: 2000 });
  assert.throws(
    () => quoteSbpl('/a\0b'),
    (error) => isAirplantError(error, 'ERR_SANDBOX_PATH'),
  );
});

/** A string literal as the reader in macOS takes it, which is TinyScheme's: `\n`, `\t`, `\r`, `\xNN`, else itself. */
function readString(input: string): { text: string; rest: string } {
  assert.equal(input[0], '"');
  const bytes: number[] = [];
  for (let at = 1; at < input.length; at++) {
    if (input[at] === '"') return { text: decodeText(Uint8Array.from(bytes)), rest: input.slice(at + 1) };
    if (input[at] !== '\\') {
      bytes.push(input.charCodeAt(at));
      continue;
    }
    const escaped = input[++at]!;
    if (escaped === 'x') {
      bytes.push(Number.parseInt(input.slice(at + 1, at + 3), 16));
      at += 2;
    } else {
      const character = { n: '\n', t: '\t', r: '\r' }[escaped] ?? escaped;
      bytes.push(character.charCodeAt(0));
    }
  }
  throw new Error(`a string that never ends: ${input}`);
}

test('parentheses, quotes and strings of a profile balance, whatever the paths', () => {
  const evil = '/a") (allow default) ; \\ \n';
  const text = profile({
    hostPaths: [{ target: evil, source: evil, optional: false, readOnly: true, why: '' }],
  });
  checkSbpl(text, 'the profile');
  assert.equal(text.split('\n').filter((line) => line.includes('allow default')).length, 1);
});

test('a text that does not parse is refused with the line, before there is a sandbox', () => {
  const refused: readonly (readonly [text: string, why: RegExp])[] = [
    ['(allow default', /line 1 opens a list that never ends/],
    ['(allow\n default))', /line 2 closes a list that nothing opened/],
    [')(', /line 1 closes/],
    ['(allow default)\ngarbage', /line 2 has 'garbage' outside any list/],
    ['"x"', /line 1 has '"x"' outside any list/],
    ["'(allow default)", /outside any list/],
    ['\n(allow file* (literal "/a))\n\n', /line 2 has a string that never ends/],
    ['(allow file* (regex #"/a))', /line 1 has a string that never ends/],
    ['(allow file* (literal "/a\\', /line 1 has a string that never ends/],
    ['(allow \0 default)', /line 1 holds a NUL/],
    ['(allow default) ; \0', /line 1 holds a NUL/],
  ];
  for (const [text, why] of refused) {
    assert.throws(
      () => profile({ seatbelt: { profile: text, localNetwork: false } }),
      (error) => isAirplantError(error, 'ERR_SANDBOX_PROFILE') && why.test(error.message),
      text,
    );
  }
  for (const text of [
    '',
    '; only ) a comment',
    '(allow file* (literal ")") (regex #"\\(") (literal "\\"(")) ; (\n(define x #\\()',
    "(define y '(a b)) (if #t (begin))",
  ]) {
    checkSbpl(text, 'it');
  }
});

test('no text that is accepted changes what comes after it', () => {
  const pieces = fc.constantFrom(
    '(',
    ')',
    '"',
    '\\',
    ';',
    '\n',
    '#',
    '#"',
    '#\\',
    'a',
    ' ',
    "'",
    '(allow a)',
  );
  const property = fc.property(fc.array(pieces, { maxLength: 12 }), (parts) => {
    const text = parts.join('');
    try {
      checkSbpl(text, 'it');
    } catch {
      return;
    }
    // Whatever follows on a line of its own is still outside any string, list and comment.
    checkSbpl(`${text}\n(deny file-write-setugid)\n`, 'it');
    for (const after of [')', '"', 'garbage']) assert.throws(() => checkSbpl(`${text}\n${after}`, 'it'));
  });
  fc.assert(property, { numRuns: 5000 });
});

test('parameters have the names that profiles for Nix use', () => {
  const parameters = (change: Partial<BuildRequest>) => {
    const { backend } = planDarwinSandbox({ ...sampleRequest, hostPaths, ...change }, place, profiles);
    return backend?.kind === 'darwin-seatbelt' ? backend.parameters : [];
  };
  const always = [
    ['_NIX_BUILD_TOP', '/private/tmp/airplant-build-hello-0'],
    ['_GLOBAL_TMP_DIR', '/private/tmp'],
  ];
  assert.deepEqual(parameters({}), always);
  assert.deepEqual(parameters({ seatbelt: { profile: '', localNetwork: true } }), [
    ...always,
    ['_ALLOW_LOCAL_NETWORKING', '1'],
  ]);
});

test('nothing is built as root, who would stay root', () => {
  const asRoot = { ...place, ids: { uid: 0, gid: 0 } };
  for (const plan of [planDarwinSandbox, planDarwinUnsealed]) {
    assert.throws(
      () => plan({ ...sampleRequest, hostPaths }, asRoot, profiles),
      (error) => isAirplantError(error, 'ERR_SANDBOX_UNAVAILABLE'),
    );
  }
});

test('long lists come in forms below 16 KiB, and no paths make no form', () => {
  const paths = Array.from({ length: 2000 }, (_, i) => ({
    path: `/nix/store/${'é'.repeat(20)}${i}`,
    filter: 'subpath' as const,
  }));
  const text = allowForms('file-read*', paths);
  const forms = text.split(/^(?=\(allow )/m);
  assert.ok(forms.length > 5);
  for (const form of forms) assert.ok(Buffer.byteLength(form) < 16 * 1024 && form.endsWith(')\n'));
  assert.equal(text.match(/subpath/g)?.length, 2000);
  assert.equal(allowForms('file-read*', []), '');
});

test('a host path cannot get another name or be missing, and a store must be where it says', () => {
  const path = { target: '/bin/sh', source: '/x', optional: false, readOnly: true, why: '' };
  for (const bad of [path, { ...path, target: '/opt', source: '/opt' }]) {
    assert.throws(
      () => profile({ hostPaths: [bad] }),
      (error) => isAirplantError(error, 'ERR_SANDBOX_PATH'),
    );
  }
  const elsewhere = { ...place, realStoreDir: '/Users/me/store' };
  for (const plan of [
    () => planDarwinSandbox({ ...sampleRequest, hostPaths }, elsewhere, profiles),
    () => planUnsealed(sampleRequest, elsewhere),
    () => planDarwinUnsealed(sampleRequest, elsewhere, profiles),
  ]) {
    assert.throws(plan, (error) => isAirplantError(error, 'ERR_SANDBOX_REQUIRED'));
  }
});

test('an unsealed build says so in its record', () => {
  const spec = planUnsealed(sampleRequest, place);
  assert.equal(spec.backend?.kind, 'none');
  assert.equal(spec.command.cwd, place.buildDirectory);
  const isolation = describeIsolation(spec, [27]);
  assert.deepEqual([isolation.backend, isolation.namespaces, isolation.readOnlyInputs], ['none', [], false]);
  assert.equal(isolation.shortfalls.length, 1);

  const minimal = describeIsolation(planDarwinUnsealed(sampleRequest, place, profiles), [27]);
  assert.deepEqual(
    [minimal.backend, minimal.network, minimal.readOnlyInputs, minimal.shortfalls],
    ['darwin-seatbelt', 'host', false, isolation.shortfalls],
  );
});
