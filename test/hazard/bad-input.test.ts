import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { type Refusal, Refusals } from '../support/refusals.js';
import { requires } from '../support/requires.js';

// Files that are not what their names say, cannot be read, or never end.
const refusals = new Refusals('bad-input');
const { directory, work } = refusals;
const notRoot = process.getuid?.() === 0 ? 'root may read and write everything' : false;

before(() => {
  for (const name of ['directory.drv', 'directory.json', 'directory.mjs', 'empty'])
    mkdirSync(join(work, name));
  for (const name of ['huge.drv', 'huge.json', 'huge.mjs', 'huge.nar']) {
    writeFileSync(join(work, name), '');
    truncateSync(join(work, name), 100 * 1024 * 1024);
  }
  for (const ending of ['drv', 'json', 'mjs', 'nar']) {
    writeFileSync(join(work, `secret.${ending}`), '');
    chmodSync(join(work, `secret.${ending}`), 0);
  }
});

const text: Readonly<Record<string, string>> = {
  'cut.drv': 'Derive([("out","","","")],[],[],"x86_64-linux","/bin/sh",["-c","true"],[("name","x")',
  'escape.drv': 'Derive([],[],[],"\\q","",[],[])',
  'text.drv': 'hello\n',
  'cut.json': '{"é": 1,',
  'number.json': '17',
  'none.json': '{}',
  'fields.json': '{"name": "x", "outputs": {"out": 3}}',
  'syntax.mjs': 'export default {',
  'throws.mjs': 'throw new Error("the reason")',
};
before(() => {
  for (const [name, contents] of Object.entries(text)) writeFileSync(join(work, name), contents);
});

const files: Readonly<Record<string, Refusal>> = {
  'a .drv cut short': {
    argv: ['build', 'cut.drv'],
    status: 1,
    error: /cut\.drv is not a derivation: byte 84 should be `\]`, but is its end/,
  },
  'an unknown escape': { argv: ['build', 'escape.drv'], status: 1, error: /byte 18 should be one of/ },
  'a text called .drv': {
    argv: ['build', 'text.drv'],
    status: 1,
    error: /byte 0 should be `Derive\(`, but is 'hello/,
  },
  'JSON cut short': {
    argv: ['build', 'cut.json'],
    status: 1,
    error: /cut\.json is not JSON: byte 9 should be/,
  },
  'JSON of something else': {
    argv: ['build', 'number.json'],
    status: 1,
    error: /number\.json, byte 0: the derivation in JSON is wrong at \$: it should be an object/,
  },
  'JSON without a derivation': {
    argv: ['build', 'none.json'],
    status: 1,
    error: /none\.json holds no derivation/,
  },
  'JSON with wrong fields': {
    argv: ['build', 'fields.json'],
    status: 1,
    error: /fields\.json, byte \d+: .* wrong at \$/,
  },
  'a module that is none': {
    argv: ['build', 'syntax.mjs'],
    status: 1,
    error: /syntax\.mjs' failed: SyntaxError/,
  },
  'a module that throws': {
    argv: ['build', 'throws.mjs'],
    status: 1,
    error: /throws\.mjs' failed: .*the reason/,
  },
  'a NAR that is none': {
    argv: ['nar', 'restore', 'restored'],
    input: Buffer.alloc(1000),
    status: 1,
    error: /standard input: byte 0 of the NAR: expected "nix-archive-1"/,
  },
  ...each(['drv', 'json'], (ending) => ({
    'a huge file': {
      argv: ['build', `huge.${ending}`],
      status: 1,
      error: /huge\.\w+' is 104857600 bytes long, more than/,
    },
  })),
  'a huge module': { argv: ['build', 'huge.mjs'], status: 1, error: /huge\.mjs' failed: SyntaxError/ },
  'a huge NAR': { argv: ['nar', 'ls', 'huge.nar'], status: 1, error: /'huge\.nar': byte 0 of the NAR/ },
  ...each(['drv', 'json', 'mjs'], (ending) => ({
    'a directory': {
      argv: ['build', `directory.${ending}`],
      status: 1,
      error: /directory\.\w+' is (a directory, )?not a regular file/,
    },
    'a missing file': {
      argv: ['build', `no.${ending}`],
      status: 1,
      error: /no\.\w+' (cannot be read: ENOENT|does not exist)/,
    },
  })),
  'a directory without a module': {
    argv: ['build', 'empty'],
    status: 2,
    error: /'empty' has no default\.mts/,
  },
  'nothing at all': {
    argv: ['build', 'nothing'],
    status: 2,
    error: /'nothing' is nothing that can be built/,
  },
  'no store path': {
    argv: ['build', '/nix/store/xx-foo.drv'],
    status: 1,
    error: /'xx-foo\.drv' is not a store path/,
  },
  'a path nobody knows': {
    argv: ['build', `/nix/store/${'0'.repeat(32)}-foo`],
    status: 1,
    error: /don't know how to build '\/nix\/store\/0+-foo'/,
  },
  'a restore to nowhere': {
    argv: ['nar', 'restore', 'no/such/directory'],
    status: 1,
    error: /no\/such\/directory' is in a directory that does not exist/,
  },
};
for (const [what, refusal] of Object.entries(files)) {
  test(what, () => refusals.expect(refusal));
}

test('a FIFO is not waited for', requires('program:mkfifo'), async (t) => {
  for (const ending of ['drv', 'json', 'mjs', 'nar']) mkfifo(join(work, `fifo.${ending}`));
  const commands = [
    ...['drv', 'json', 'mjs'].map((ending) => ['build', `fifo.${ending}`]),
    ...[
      ['nar', 'ls', 'fifo.nar'],
      ['nar', 'cat', 'fifo.nar', 'x'],
      ['nar', 'dump', 'fifo.nar'],
    ],
    ...[
      ['hash', 'file', 'fifo.nar'],
      ['hash', 'path', 'fifo.nar'],
    ],
  ];
  for (const argv of commands) {
    await t.test(argv.join(' '), () =>
      refusals.expect({ argv, status: 1, error: /fifo\.\w+' is .*regular file/ }),
    );
  }
  await t.test('as nix.conf', () => {
    const configuration = join(directory, 'configuration');
    mkdirSync(configuration);
    mkfifo(join(configuration, 'nix.conf'));
    refusals.expect({
      argv: ['build', 'cut.drv'],
      env: { NIX_CONF_DIR: configuration },
      status: 2,
      error: /nix\.conf' is not an ordinary text file/,
    });
  });
});

test('an unreadable file', { skip: notRoot }, async (t) => {
  const commands = [
    ...['drv', 'json', 'mjs'].map((ending) => ['build', `secret.${ending}`]),
    ...[
      ['nar', 'ls', 'secret.nar'],
      ['nar', 'dump', 'secret.nar'],
      ['hash', 'file', 'secret.nar'],
    ],
  ];
  for (const argv of commands) {
    await t.test(argv.join(' '), () =>
      refusals.expect({ argv, status: 1, error: /secret\.\w+'.*EACCES|EACCES.*secret/ }),
    );
  }
});

function mkfifo(path: string): void {
  spawnSync('mkfifo', [path]);
}

function each(endings: readonly string[], refusals: (ending: string) => Record<string, Refusal>) {
  return Object.fromEntries(
    endings.flatMap((ending) =>
      Object.entries(refusals(ending)).map(([what, refusal]) => [`${what}: .${ending}`, refusal] as const),
    ),
  );
}
