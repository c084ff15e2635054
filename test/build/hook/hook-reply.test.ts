import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { AirplantError } from '../../../ts/base/errors.js';
import { parseHookReply } from '../../../ts/build/hook/hook-reply.js';

const parse = (text: string) => parseHookReply(Buffer.from(text), '/hook');
const pairs = (text: string) => parse(text).paths.map(({ target, source }) => `${target}=${source}`);

// What Nix 2.8 makes of it: DerivationGoal's reading of the reply, line by line.
const classic: readonly (readonly [reply: string, paths: readonly string[]])[] = [
  ['', []],
  ['extra-sandbox-paths\n/a\n/b=/c\n\n', ['/a=/a', '/b=/c']],
  ['extra-chroot-dirs\n/a\n\nextra-sandbox-paths\n/b\n\n', ['/a=/a', '/b=/b']],
  // A list may end with the output; a last line without newline does not count.
  ['extra-sandbox-paths\n/a\n', ['/a=/a']],
  ['extra-sandbox-paths\n/a\n/b', ['/a=/a']],
  ['extra-sandbox-paths', []],
  ['bogus', []],
  // No question mark here, and only the first equals sign divides.
  ['extra-sandbox-paths\n/a?\n/b=/c=d\n', ['/a?=/a?', '/b=/c=d']],
  ['extra-sandbox-paths\n\n', []],
];
for (const [reply, paths] of classic) {
  test(`the classic reply ${JSON.stringify(reply)}`, () => assert.deepEqual(pairs(reply), paths));
}

for (const [reply, command] of [
  ['bogus\n', 'bogus'],
  ['\n', ''],
  ['extra-sandbox-paths\n/a\n\n/b\n', '/b'],
  ['airplant-hook 2\n{}', 'airplant-hook 2'],
  ['\u001b[31mred\n', '\\x1b[31mred'],
] as const) {
  test(`an unknown command: ${JSON.stringify(reply)}`, () => {
    assert.throws(() => parse(reply), {
      code: 'ERR_HOOK',
      message: `the pre-build hook '/hook' printed something unknown: unknown pre-build hook command '${command}'`,
    });
  });
}

test('a reply in JSON', () => {
  const reply = parse(`airplant-hook 1
    {"paths": ["/a", {"source": "/c", "target": "/b", "optional": true, "readOnly": false, "closure": false}],
     "environment": {"A": "1", "B": null, "__proto__": "x"},
     "limits": {"timeoutSeconds": 5, "memoryBytes": 9007199254740991, "pids": 4194304, "cpuPercent": 0},
     "network": "host"}`);
  const why = "the pre-build hook '/hook' named it";
  assert.deepEqual(reply.paths, [
    { target: '/a', source: '/a', optional: false, readOnly: true, expand: true, why },
    { target: '/b', source: '/c', optional: true, readOnly: false, expand: false, why },
  ]);
  assert.deepEqual(
    [...reply.environment],
    [
      ['A', '1'],
      ['B', null],
      ['__proto__', 'x'],
    ],
  );
  assert.deepEqual(reply.limits, {
    timeoutSeconds: 5,
    memoryBytes: Number.MAX_SAFE_INTEGER,
    pids: 4194304,
    cpuPercent: 0,
  });
  assert.equal(reply.network, 'host');
  assert.equal(reply.refusal, undefined);
  assert.equal(parse('airplant-hook 1\n{"refuse": "not today"}').refusal, 'not today');
  assert.deepEqual(parse('airplant-hook 1\n{}').paths, []);
});

for (const [json, at] of [
  ['', 'not JSON'],
  ['{', 'not JSON'],
  ['[]', "'\\$'"],
  ['{"path": []}', "'\\$.path'.*the fields there are paths, environment"],
  ['{"paths": {}}', "'\\$.paths'"],
  ['{"paths": [1]}', "'\\$.paths\\[0\\]'"],
  ['{"paths": [{"source": 1}]}', "'\\$.paths\\[0\\].source'"],
  ['{"paths": [{"target": "/a"}]}', "'\\$.paths\\[0\\].source'"],
  ['{"paths": [{"source": "/a", "readOnly": "no"}]}', "'\\$.paths\\[0\\].readOnly'"],
  ['{"environment": {"A": 1}}', "'\\$.environment.A'"],
  ['{"environment": {"A=B": "1"}}', "'\\$.environment.A=B'"],
  ['{"environment": {"A": "\\u0000"}}', "'\\$.environment.A'"],
  ['{"limits": {"timeout": 1}}', "'\\$.limits.timeout'"],
  ['{"limits": {"timeoutSeconds": -1}}', "'\\$.limits.timeoutSeconds'"],
  ['{"limits": {"timeoutSeconds": 1.5}}', "'\\$.limits.timeoutSeconds'"],
  ['{"limits": {"memoryBytes": -1}}', "'\\$.limits.memoryBytes'.*from 0 to 9007199254740991"],
  ['{"limits": {"memoryBytes": 9007199254740992}}', "'\\$.limits.memoryBytes'"],
  ['{"limits": {"memoryBytes": 1e999}}', "'\\$.limits.memoryBytes'"],
  ['{"limits": {"memoryBytes": "1G"}}', "'\\$.limits.memoryBytes'"],
  ['{"limits": {"pids": 4194305}}', "'\\$.limits.pids'.*from 0 to 4194304"],
  ['{"limits": {"pids": null}}', "'\\$.limits.pids'"],
  ['{"limits": {"cpuPercent": 1000001}}', "'\\$.limits.cpuPercent'.*from 0 to 1000000"],
  ['{"limits": {"cpuPercent": 0.5}}', "'\\$.limits.cpuPercent'"],
  ['{"limits": {"cpuPercent": [100]}}', "'\\$.limits.cpuPercent'"],
  ['{"limits": {"constructor": 1}}', "'\\$.limits.constructor'"],
  ['{"network": "all"}', "'\\$.network'"],
  ['{"refuse": 1}', "'\\$.refuse'"],
] as const) {
  test(`a wrong reply in JSON: ${json}`, () => {
    assert.throws(() => parse(`airplant-hook 1\n${json}`), { code: 'ERR_HOOK', message: new RegExp(at) });
  });
}

test('a hook cannot name what no setting could', () => {
  for (const path of ['a', '/a/../b', '/a\u0007']) {
    assert.throws(() => parse(`extra-sandbox-paths\n${path}\n`), { code: 'ERR_SANDBOX_PATH' });
    assert.throws(() => parse(`airplant-hook 1\n${JSON.stringify({ paths: [path] })}`), {
      code: 'ERR_SANDBOX_PATH',
    });
  }
});

test('whatever a hook prints is a reply or an error in one printable line', () => {
  const word = fc.constantFrom(
    'extra-sandbox-paths',
    'airplant-hook 1',
    '\n',
    '/a',
    '=',
    '{',
    '}',
    '"paths"',
    ':',
    '[',
    ']',
    '\u001b',
    '\0',
  );
  fc.assert(
    fc.property(fc.array(fc.oneof(word, fc.string()), { maxLength: 12 }), (words) => {
      try {
        parse(words.join(''));
      } catch (error) {
        assert.ok(error instanceof AirplantError, String(error));
        assert.doesNotMatch(error.message, /[\x00-\x1f]/);
      }
    }),
    { numRuns: 2000 },
  );
});
