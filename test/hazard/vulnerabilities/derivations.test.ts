import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { openStore } from '../../../ts/index.js';
import { fixedScript } from '../../support/fixed-script.js';
import { RealNix } from '../../support/nix.js';
import { requires } from '../../support/requires.js';
import { temporaryDirectory } from '../../support/temporary.js';
import { attack, hostScript } from './hostile-builds.js';

// What Nix was hardened against in 2026 without a number: the commits are their names.
const directory = temporaryDirectory('vulnerable-derivations');
const settings = { 'sandbox-paths': ['/bin/busybox'], 'fixed-output-network': 'host' };
const main = fileURLToPath(new URL('../../../ts/main.js', import.meta.url));

test(
  'Nix 03061284a5: a fixed output cannot claim the path of something else',
  requires('user-namespaces', 'program:busybox', 'program:nix-store'),
  async () => {
    const nix = new RealNix(directory, join(directory, 'root'));
    const honest = fixedScript('true');
    const victim = fixedScript('true', { name: honest['name'] as string, outputHash: '0'.repeat(64) });
    let written: string;
    {
      await using store = await openStore({ store: nix.store, settings });
      const drvPath = await store.instantiate(honest);
      written = readFileSync(store.local.realPath(drvPath), 'utf8');
      // We take no such derivation in.
      const forged = written.replace(`("out","${honest}"`, `("out","${victim}"`);
      assert.notEqual(forged, written);
      await assert.rejects(
        store.local.addText({ name: 'forged.drv', contents: forged, references: [] }),
        /has incorrect output '.*', should be '.*'/,
      );
      writeFileSync(join(directory, `${honest['name']}.drv`), forged);
    }
    // Nix 2.8 does: it does not look at that place.
    const drvPath = nix.run('nix-store', '--add', join(directory, `${honest['name']}.drv`)).trim();
    await using store = await openStore({ store: nix.store, settings });
    const { error } = (await store.build([drvPath]).result).results[0]!;
    assert.equal(error?.code, 'ERR_DERIVATION_INVALID');
    assert.match(error.message, /has incorrect output '.*', should be '.*'/);
    assert.ok(!store.local.isValid(`${victim}`));
    assert.ok(!existsSync(store.local.realPath(`${victim}`)));
  },
);

test(
  'Nix a694d89f03: no program that is started has descriptors of airplant or its caller',
  requires('user-namespaces', 'program:busybox'),
  async () => {
    const list = (name: string) => {
      const report = join(directory, name);
      // The last is that of the directory itself.
      return { report, script: `ls /proc/self/fd | tr '\\n' ' ' > ${report}` };
    };
    const hooks = Object.fromEntries(
      ['pre-build-hook', 'post-build-hook', 'diff-hook'].map((name) => [name, list(name)]),
    );
    const random = attack('bb cat /proc/sys/kernel/random/uuid > $out');
    {
      await using store = await openStore({ store: join(directory, 'other'), settings });
      await store.instantiate(random);
    }
    const options = Object.entries(hooks).flatMap(([name, { script }]) => [
      '--option',
      name,
      hostScript(script),
    ]);
    const leaked = openSync('/etc/passwd', 'r');
    const run = (verb: string, ...more: string[]) =>
      spawnSync(
        process.execPath,
        [
          ...[main, verb, random.drvPath, '--store', join(directory, 'other'), ...options, ...more],
          ...['--option', 'sandbox-paths', '/bin/busybox', '--option', 'run-diff-hook', 'true'],
        ],
        {
          stdio: ['ignore', 'pipe', 'pipe', leaked, leaked, leaked],
          encoding: 'utf8',
          env: { PATH: process.env['PATH'], HOME: directory, NIX_CONF_DIR: directory },
        },
      );
    const built = run('build', '--no-link');
    assert.equal(built.status, 0, built.stderr);
    assert.equal(run('check', '--no-diffoscope').status, 104);
    for (const { report } of Object.values(hooks)) {
      assert.equal(readFileSync(report, 'utf8').trim(), '0 1 2 3', report);
    }
    closeSync(leaked);
  },
);
