import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ErrorCode, isAirplantError } from '../../ts/base/errors.js';
import { hashBytes } from '../../ts/formats/hash-bytes.js';
import {
  makeFixedOutputPath,
  makeOutputPath,
  makeStorePath,
  makeTextPath,
} from '../../ts/formats/make-store-path.js';
import { nestedPlaceholder, outputPlaceholder, upstreamPlaceholder } from '../../ts/formats/placeholder.js';

const storeDir = '/nix/store';
const code = (wanted: ErrorCode) => (error: unknown) => isAirplantError(error, wanted);
const hello = hashBytes('sha256', 'hello');
const helloNar = {
  algorithm: 'sha256',
  hex: '0a430879c266f8b57f4092a0f935cf3facd48bbccde5760d4748ca405171e969',
} as const;
const greeting = `${storeDir}/5akl8zsmda0yrr63v4khwgskih2g2hsh-greeting`;

// Every path below was printed by Nix 2.8: builtins.toFile, nix-store --add and --add-fixed, and
// derivations with outputHash.
test('paths Nix gives the same content', () => {
  assert.equal(makeTextPath(storeDir, { name: 'greeting', hash: hello, references: [] }), greeting);
  assert.equal(
    makeFixedOutputPath(storeDir, { name: 'greeting', method: 'flat', hash: hello }),
    `${storeDir}/2h1yn5nd7i6k6rp856mgnnf9l2vsy0gk-greeting`,
  );
  assert.equal(
    makeFixedOutputPath(storeDir, { name: 'greeting', method: 'nar', hash: helloNar }),
    `${storeDir}/73rbvcsk91mg1xh1js6b34cvf9nmcsjf-greeting`,
  );
  assert.equal(
    makeTextPath(storeDir, {
      name: 'withref',
      hash: hashBytes('sha256', `see ${greeting}`),
      references: [greeting, greeting],
    }),
    `${storeDir}/3zgdadqmfwnvwm5vjwriyxbmc77q8agr-withref`,
  );
});

test('every algorithm, flat and nar', () => {
  const paths = {
    flat: {
      md5: 'sfpnvypl05l3jayg63lcdpxzndbj26b0',
      sha1: '6akgbvwy3ssz411f8i5p5fqpnjsqc0cr',
      sha256: '62iir8mnhn874ykvq16v9l3kvx1010qs',
      sha512: 'fr8vj6l1i8g54pgvz8p5a1p3fl60zyrk',
    },
    nar: {
      md5: '0f3x2l005hjzpvjqrnj2mkxxv54f0cn0',
      sha1: '3k11cm6bm724fzmgiz4s73zdgk7ia83b',
      sha256: 'wyxjijqidjp72jk3808gm53x0m41hbw4',
      sha512: 'jyf4qidh6jr7l7g2lsv836qwglv5bzzf',
    },
  } as const;
  for (const method of ['flat', 'nar'] as const) {
    for (const algorithm of ['md5', 'sha1', 'sha256', 'sha512'] as const) {
      assert.equal(
        makeFixedOutputPath(storeDir, { name: 'x', method, hash: hashBytes(algorithm, 'hello') }),
        `${storeDir}/${paths[method][algorithm]}-x`,
      );
    }
  }
});

test('references are sorted and counted once', () => {
  const [a, b] = [`${storeDir}/${'0'.repeat(32)}-a`, `${storeDir}/${'1'.repeat(32)}-b`];
  const made = (references: string[], self = false) =>
    makeFixedOutputPath(storeDir, { name: 'x', method: 'nar', hash: hello, references, self });
  assert.equal(made([a, b]), made([b, a, b]));
  assert.equal(
    made([b, a], true),
    makeStorePath(storeDir, { type: `source:${a}:${b}:self`, hash: hello, name: 'x' }),
  );
  assert.notEqual(made([a]), made([]));
  assert.equal(
    makeFixedOutputPath(storeDir, { name: 'x', method: 'text', hash: hello, references: [b, a] }),
    makeTextPath(storeDir, { name: 'x', hash: hello, references: [a, b] }),
  );
});

test('what a method cannot address is refused', () => {
  const sha1 = hashBytes('sha1', '');
  const sha512 = hashBytes('sha512', '');
  const refused = (content: Omit<Parameters<typeof makeFixedOutputPath>[1], 'name'>) =>
    assert.throws(() => makeFixedOutputPath(storeDir, { name: 'x', ...content }), code('ERR_STORE_PATH'));
  refused({ method: 'flat', hash: hello, references: [greeting] });
  refused({ method: 'nar', hash: sha1, references: [greeting] });
  refused({ method: 'nar', hash: sha1, self: true });
  refused({ method: 'flat', hash: hello, self: true });
  refused({ method: 'text', hash: hello, self: true });
  refused({ method: 'text', hash: sha1 });
  refused({ method: 'git', hash: sha512 });
  assert.throws(
    () => makeFixedOutputPath(storeDir, { name: 'a/b', method: 'flat', hash: hello }),
    code('ERR_NAME'),
  );
});

test('outputs are named after the derivation', () => {
  const path = (outputName: string) =>
    makeOutputPath(storeDir, { outputName, hash: hello, derivationName: 'hello-1.0' });
  assert.match(path('out'), /-hello-1\.0$/);
  assert.match(path('dev'), /-hello-1\.0-dev$/);
  assert.equal(
    path('dev'),
    makeStorePath(storeDir, { type: 'output:dev', hash: hello, name: 'hello-1.0-dev' }),
  );
});

test('the store directory is part of the path', () => {
  const made = makeTextPath('/home/me/store', { name: 'greeting', hash: hello, references: [] });
  assert.match(made, /^\/home\/me\/store\/[0-9a-z]{32}-greeting$/);
  assert.notEqual(made.slice(15), greeting.slice(11));
});

test('placeholders', () => {
  assert.equal(outputPlaceholder('out'), '/1rz4g4znpzjwh1xymhjpm42vipw92pr73vdgl6xs1hycac8kf2n9');
  const hashPart = 'g1w7hy3qg1w7hy3qg1w7hy3qg1w7hy3q';
  assert.equal(upstreamPlaceholder(hashPart, 'foo'), '/0c6rn30q4frawknapgwq386zq358m8r6msvywcvc89n6m5p2dgbz');
  assert.equal(
    nestedPlaceholder(upstreamPlaceholder(hashPart, 'foo.drv'), 'out'),
    '/0gn6agqxjyyalf0dpihgyf49xq5hqxgw100f0wydnj6yqrhqsb3w',
  );
});
