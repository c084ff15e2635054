import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { openStore, type Store } from '../../ts/index.js';
import { compileFixture } from '../support/compile.js';
import { fixedContent, fixedScript } from '../support/fixed-script.js';
import { requires } from '../support/requires.js';
import { temporaryDirectory } from '../support/temporary.js';

// A fixed-output build on the network of the host, and somebody outside who helps it.
const programs = ['user-namespaces', 'program:busybox', 'program:cc'] as const;
const needs = requires(...programs);
const directory = temporaryDirectory('smuggled');
let network: string;
let store: Store;

before(async () => {
  if (needs.skip) return;
  network = compileFixture('network');
  store = await openStore({
    store: join(directory, 'root'),
    settings: { 'sandbox-paths': ['/bin/busybox', `/network=${network}`], 'fixed-output-network': 'host' },
  });
});
after(() => store?.close());

async function buildLog(script: string): Promise<{ log: string; path: string }> {
  const run = store.build([fixedScript(script)]);
  let log = '';
  for await (const event of run) if (event.type === 'build.log') log += Buffer.from(event.chunk).toString();
  const [result] = (await run.result).results;
  assert.equal(result!.error, undefined, log);
  return { log, path: store.local.realPath(result!.outputs['out']!) };
}

test(
  'CVE-2024-27297: whoever holds a descriptor of what the builder wrote cannot change what was registered',
  needs,
  async () => {
    const name = `airplant-smuggled-${process.pid}`;
    const receiver = spawn(network, ['take', name], { stdio: ['pipe', 'pipe', 'inherit'] });
    let said = '';
    receiver.stdout.on('data', (chunk) => {
      said += chunk;
    });
    try {
      const { log, path } = await buildLog(`printf x > $out; /network hand-out ${name} $out`);
      assert.match(log, /handed out/);
      assert.equal(said, 'taken\n');
      assert.equal(readFileSync(path, 'utf8'), fixedContent);
      receiver.stdin.write('now\n');
      await once(receiver.stdout, 'data');
      // Both roads are open; they lead to a file that is nobody's any more.
      assert.equal(said, 'taken\nmapping ok, write ok\n');
      assert.equal(readFileSync(path, 'utf8'), fixedContent);
    } finally {
      receiver.stdin.end();
      await once(receiver, 'close');
    }
  },
);

test(
  'CVE-2025-46416: abstract sockets of the host cannot be connected to, those of the build can',
  requires(...programs, 'landlock-scopes'),
  async () => {
    const name = `airplant-outside-${process.pid}`;
    const listener = spawn(network, ['listen', name], { stdio: ['ignore', 'pipe', 'inherit'] });
    try {
      await once(listener.stdout, 'data');
      assert.equal(spawnSync(network, ['abstract', name], { encoding: 'utf8' }).stdout, `heard ${name}\n`);
      const { log } = await buildLog(`
        /network abstract ${name}
        /network listen ${name}-own & bb sleep 0.3
        /network abstract ${name}-own; kill $!`);
      assert.equal(log, `EPERM\nready\nheard ${name}-own\n`);
    } finally {
      listener.kill();
    }
  },
);
