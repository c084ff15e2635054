import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { SettingsInput } from '../../ts/config/load.js';
import { type DerivationValue, derivation, openStore, type Store } from '../../ts/index.js';
import { compileFixture } from '../support/compile.js';
import { fixedScript } from '../support/fixed-script.js';
import { requires } from '../support/requires.js';
import { temporaryDirectory } from '../support/temporary.js';

// Builds that somebody outside can talk to, and somebody outside who helps them.
const programs = ['user-namespaces', 'program:busybox', 'program:cc'] as const;
const needs = requires(...programs);
const directory = temporaryDirectory('smuggled');
process.env['NIX_STORE_DIR'] = join(directory, 'store');
const exchange = join(directory, 'exchange');
const hook = join(directory, 'hook');
const stores: Store[] = [];
let network: string;

before(() => {
  if (needs.skip) return;
  network = compileFixture('network');
  mkdirSync(exchange);
  writeFileSync(hook, `#!/bin/sh\nprintf 'airplant-hook 1\\n{"network": "host"}'\n`);
  chmodSync(hook, 0o755);
});
after(async () => {
  for (const store of stores) await store.close();
});

async function build(
  wanted: DerivationValue,
  more: SettingsInput = {},
): Promise<{ log: string; store: Store; path: string }> {
  const settings = {
    'sandbox-paths': ['/bin/busybox', `/network=${network}`],
    'fixed-output-network': 'host',
    ...more,
  };
  const store = await openStore({ settings });
  stores.push(store);
  const run = store.build([wanted]);
  let log = '';
  for await (const event of run) if (event.type === 'build.log') log += Buffer.from(event.chunk).toString();
  const [result] = (await run.result).results;
  assert.equal(result!.error, undefined, `${result!.error?.message}\n${log}`);
  return { log, store, path: result!.outputs['out']! };
}

let names = 0;
function ordinaryScript(script: string): DerivationValue {
  return derivation({
    name: `ordinary-${++names}`,
    system: process.arch === 'arm64' ? 'aarch64-linux' : 'x86_64-linux',
    builder: '/bin/busybox',
    args: ['sh', '-euc', `bb() { /bin/busybox "$@"; }\n${script}`],
  });
}

/** How a builder comes to talk to somebody outside. */
interface Channel {
  readonly make: (script: string) => DerivationValue;
  readonly settings?: SettingsInput;
  /** The program as the builder knows it, and the socket as either side does. */
  readonly program?: () => string;
  readonly socket: readonly [inside: string, outside: string];
}
const abstract = (name: string) =>
  [`airplant-${name}-${process.pid}`, `airplant-${name}-${process.pid}`] as const;
const channels: Readonly<Record<string, Channel>> = {
  'a fixed output on the network of the host': { make: fixedScript, socket: abstract('fixed') },
  'any output, by a hook on the network of the host': {
    make: ordinaryScript,
    settings: { 'pre-build-hook': hook },
    socket: abstract('hooked'),
  },
  'a writable sandbox path': {
    make: ordinaryScript,
    settings: { 'writable-sandbox-paths': [`/w=${exchange}`] },
    socket: ['/w/s', join(exchange, 's')],
  },
  'no sandbox at all': {
    make: ordinaryScript,
    settings: { sandbox: false },
    program: () => network,
    socket: abstract('unsealed'),
  },
};
const outputs = {
  'a file': { begin: 'printf x > $out', end: 'printf content > $out' },
  'a directory': { begin: 'bb mkdir $out; printf x > $out/file', end: 'printf content > $out/file' },
};

for (const [how, channel] of Object.entries(channels)) {
  for (const [what, { begin, end }] of Object.entries(outputs)) {
    // What is promised is a file.
    if (channel.make === fixedScript && what !== 'a file') continue;
    test(
      `CVE-2024-27297: who got a descriptor of ${what} by ${how} cannot change what was registered`,
      needs,
      async () => {
        const { make, settings, program = () => '/network', socket } = channel;
        const [inside, outside] = socket.map((name) => `${name}${what.length}`);
        const receiver = spawn(network, ['take', outside!], { stdio: ['pipe', 'pipe', 'inherit'] });
        let said = '';
        receiver.stdout.on('data', (chunk) => {
          said += chunk;
        });
        try {
          const script = `${begin}; ${program()} hand-out ${inside} $out; ${make === fixedScript ? '' : end}`;
          const { log, store, path } = await build(make(script), settings);
          assert.match(log, /handed out/);
          assert.equal(said, 'taken\n');
          assert.deepEqual(await store.local.verifyPath(path), { kind: 'good' });
          receiver.stdin.write('now\n');
          await once(receiver.stdout, 'data');
          // All roads are open; they lead to files that are nobody's any more.
          assert.equal(said, 'taken\nmapping ok, write ok\n');
          assert.deepEqual(await store.local.verifyPath(path), { kind: 'good' });
        } finally {
          receiver.stdin.end();
          await once(receiver, 'close');
        }
      },
    );
  }
}

test(
  'CVE-2025-46416: abstract sockets of the host cannot be connected to, those of the build can',
  requires(...programs, 'landlock-scopes'),
  async () => {
    const name = `airplant-outside-${process.pid}`;
    const listener = spawn(network, ['listen', name], { stdio: ['ignore', 'pipe', 'inherit'] });
    try {
      await once(listener.stdout, 'data');
      assert.equal(spawnSync(network, ['abstract', name], { encoding: 'utf8' }).stdout, `heard ${name}\n`);
      const wanted = fixedScript(`
        /network abstract ${name}
        /network listen ${name}-own & bb sleep 0.3
        /network abstract ${name}-own; kill $!`);
      const { log } = await build(wanted);
      assert.equal(log, `EPERM\nready\nheard ${name}-own\n`);
    } finally {
      listener.kill();
    }
  },
);
