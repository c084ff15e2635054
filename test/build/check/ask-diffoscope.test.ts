import assert from 'node:assert/strict';
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type AskContext, askDiffoscope } from '../../../ts/build/check/ask-diffoscope.js';
import type { CheckedOutput } from '../../../ts/build/check/records.js';
import { temporaryDirectory } from '../../support/temporary.js';

// A program of that name stands for diffoscope; the paths need not exist for it.
const directory = temporaryDirectory('ask-diffoscope');
const asked = join(directory, 'asked');
const store = { realPath: (path: string) => `/real${path}` } as unknown as AskContext['store'];
/** Builds have no sandbox, and neither has what reads their outputs. */
const options = { sandbox: false, sandboxSystem: { kind: 'linux' } } as AskContext['options'];
const differing = ['out', 'dev'].map((name): CheckedOutput => {
  const path = `/nix/store/x-${name}`;
  return { name, path, narHash: 'sha256-x', kept: `${path}.check` };
});
const same: CheckedOutput = { name: 'doc', path: '/nix/store/x-doc', narHash: 'sha256-x' };
const usual = process.env['PATH'];
before(() => {
  process.env['PATH'] = `${directory}:${usual}`;
});
after(() => {
  process.env['PATH'] = usual;
});

function install(text: string): void {
  const program = join(directory, 'diffoscope');
  writeFileSync(program, `#!/bin/sh\n${text}\n`);
  chmodSync(program, 0o755);
}

async function ask(wish: Parameters<typeof askDiffoscope>[1], more: Pick<AskContext, 'seconds'> = {}) {
  const warnings: string[] = [];
  const emit: AskContext['emit'] = (event) => {
    if (event.type === 'warning') warnings.push(event.message);
    return undefined;
  };
  const { signal } = new AbortController();
  const said = await askDiffoscope([same, ...differing], wish, { store, options, emit, signal, ...more });
  return { said, warnings };
}

test('each output that differs is shown to it, and no other', async () => {
  install('for path; do :; done; echo "$path"; exit 1');
  const { said } = await ask(true);
  assert.deepEqual(said, [
    { output: 'out', text: '/real/nix/store/x-out.check\n', outcome: 'differs' },
    { output: 'dev', text: '/real/nix/store/x-dev.check\n', outcome: 'differs' },
  ]);
  assert.deepEqual((await ask(false)).said, undefined);
});

test('all outputs share its time: what is left over has none', async () => {
  install(`echo one >> ${asked}; exec sleep 1000`);
  const { said } = await ask(true, { seconds: 1 });
  assert.deepEqual(
    said?.map(({ output, outcome }) => [output, outcome]),
    [
      ['out', 'timeout'],
      ['dev', 'timeout'],
    ],
  );
  const times = existsSync(asked) ? readFileSync(asked, 'utf8') : '';
  assert.ok(['', 'one\n'].includes(times), 'it was run once at most');
});

test('that it is not installed is a warning for who asks for it only', async () => {
  process.env['PATH'] = join(directory, 'nowhere');
  try {
    assert.deepEqual(await ask('if-installed'), { said: undefined, warnings: [] });
    assert.deepEqual(await ask(true), { said: undefined, warnings: ['diffoscope is not installed'] });
  } finally {
    process.env['PATH'] = `${directory}:${usual}`;
  }
});

test('without a sandbox it reads what was built only if it is asked to', async () => {
  install('echo read; exit 1');
  assert.equal((await ask('if-installed')).said, undefined);
  assert.equal((await ask(true)).said?.length, 2);
});
