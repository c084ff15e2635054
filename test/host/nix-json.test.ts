import assert from 'node:assert/strict';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type AnyDerivation, derivation, openStore } from '../../ts/index.js';
import { NixJsonReporter } from '../../ts/report/nix-json.js';
import { type NixLine, parseNixLines, recorded } from '../support/nix-lines.js';
import { requires } from '../support/requires.js';
import { temporaryDirectory } from '../support/temporary.js';

// The same derivations as those that Nix 2.8 was recorded with: the same lines come, in the same order.
const needs = requires('user-namespaces', 'program:busybox');
const directory = temporaryDirectory('nix-json');

function script(name: string, text: string, inputs: Readonly<Record<string, AnyDerivation>> = {}) {
  return derivation({
    name,
    system: 'x86_64-linux',
    builder: '/bin/busybox',
    args: ['sh', '-euc', `bb() { /bin/busybox "$@"; }\n${text}`],
    ...inputs,
  });
}

const base = script('base', 'echo base; echo base > $out');
const left = script(
  'left',
  `echo left; echo @nix '{"action":"setPhase","phase":"buildPhase"}'; echo "done"; bb cat $dep > $out`,
  { dep: base },
);
const top = script('top', 'echo top one; echo top two; bb cat $left $base > $out', { left, base });
const fails = script('fails', 'echo one; echo two; exit 3');
const needsFailing = script('needs-failing', 'echo $dep > $out', { dep: fails });
const talk = script(
  'talk',
  String.raw`echo "@nix {\"action\":\"start\",\"id\":1,\"level\":3,\"type\":101,\"text\":\"downloading\",\"fields\":[\"http://x\"]}"
echo "@nix {\"action\":\"result\",\"id\":1,\"type\":105,\"fields\":[1,2,0,0]}"
echo "@nix {\"action\":\"stop\",\"id\":1}"
echo "@nix {\"action\":\"start\",\"id\":2,\"level\":3,\"type\":105,\"text\":\"x\",\"fields\":[]}"
echo "@nix {\"action\":\"msg\",\"level\":1,\"msg\":\"a message\"}"
echo "@nix {\"action\":\"msg\",\"level\":6,\"msg\":\"a debug message\"}"
echo "@nix {\"action\":\"bogus\"}"
echo "@nix not json"
echo plain
printf 'abc\rX\n'
printf '\033[31mred\033[0m\n'
printf 'unfinished'
echo x > $out
`,
);

async function told(
  value: AnyDerivation,
  { root, settings = {} }: { readonly root: string; readonly settings?: Readonly<Record<string, unknown>> },
): Promise<NixLine[]> {
  let text = '';
  const reporter = new NixJsonReporter({ stream: { write: (more) => (text += more) } });
  const store = {
    store: join(directory, root),
    settings: { 'sandbox-paths': ['/bin/busybox'], ...settings },
  };
  await using opened = await openStore(store as Parameters<typeof openStore>[0]);
  const run = opened.build([value]);
  for await (const event of run) reporter.handle(event);
  reporter.close();
  return parseNixLines(text);
}

test('a graph, and then nothing to do', needs, async () => {
  assert.deepEqual(await told(top, { root: 'graph' }), recorded('graph'));
  assert.deepEqual(await told(top, { root: 'graph' }), recorded('nothing'));
});

test('a failure, and what depends on it', needs, async () => {
  const bare = (lines: readonly NixLine[]) =>
    lines.map((line) => JSON.parse(JSON.stringify(line).replaceAll(/\\u001b\[35;1m|\\u001b\[0m/g, '')));
  assert.deepEqual(bare(await told(needsFailing, { root: 'failure' })), bare(recorded('failure')));
});

test('what a builder says to Nix', needs, async () => {
  // Nix complains of what looks like a message and is none; here it is only shown, as there.
  const wanted = recorded('messages').filter(({ msg }) => !msg?.startsWith('bad JSON log message'));
  const lines = await told(talk, { root: 'messages' });
  assert.deepEqual(
    lines.map(({ parent, ...line }) => line),
    wanted,
  );
});

test('a post-build hook', needs, async () => {
  const hook = join(directory, 'hook.sh');
  writeFileSync(hook, '#!/bin/sh\necho hook out $DRV_PATH\necho hook err >&2\n');
  chmodSync(hook, 0o755);
  const lines = await told(base, { root: 'hook', settings: { 'post-build-hook': hook } });
  const wanted = JSON.stringify(recorded('post-build-hook')).replaceAll('/hook.sh', hook);
  assert.deepEqual(lines, JSON.parse(wanted));
});

test('a path from a substituter', needs, async () => {
  await told(top, { root: 'source' });
  const source = join(directory, 'source');
  const settings = { substituters: [source], 'require-sigs': false };
  const lines = await told(top, { root: 'copy', settings });
  // Nix tells the progress of a copy by pieces that depend on its buffers, and its sums more often.
  const shape = (all: readonly NixLine[]) =>
    all
      .filter(
        ({ action, type }) => action !== 'msg' && !(action === 'result' && (type === 105 || type === 106)),
      )
      .map(({ action, type, level, id, fields = [], text }) => ({
        ...{ action, type, level, id },
        fields: fields.map((field) => typeof field),
        text: text?.replace(/(from|to) '.*$/, ''),
      }));
  assert.deepEqual(shape(lines), shape(recorded('substitution')));
  const copy = lines.find(({ action, type }) => action === 'start' && type === 100)!;
  const substitute = lines.find(({ action, type }) => action === 'start' && type === 108)!;
  assert.equal(copy.parent, substitute.id);
  assert.deepEqual(
    lines.filter(({ id, action }) => action === 'result' && id === copy.id).map(({ fields }) => fields),
    [[128, 128, 0, 0]],
  );
});
