import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { requires } from '../../support/requires.js';
import { leftoversIn } from '../../support/scripts.js';
import { temporaryDirectory } from '../../support/temporary.js';
import { attack, buildOnce, built, canary, inStore } from './hostile-builds.js';

// Where builds put what: who else gets there, what was there before, and what becomes of it afterwards.
const needs = requires('user-namespaces', 'program:busybox');
const asRoot = requires('root', 'user-namespaces', 'program:busybox', 'program:setpriv');
const directory = temporaryDirectory('vulnerable-directories');

test(
  'CVE-2019-17365, CVE-2019-18192: others may write to nothing that belongs to a store',
  needs,
  async () => {
    const own = join(directory, 'umask');
    mkdirSync(own, { mode: 0o755 });
    const before = process.umask(0);
    try {
      mkdirSync(join(own, 'control'));
      assert.equal(lstatSync(join(own, 'control')).mode & 0o777, 0o777, 'the control: nothing else protects');
      await built(own, attack('bb mkdir $out; echo > $out/file'));
    } finally {
      process.umask(before);
    }
    const all = readdirSync(join(own, 'root'), { recursive: true, encoding: 'utf8' });
    assert.ok(all.some((name) => name.endsWith('/file')));
    for (const name of all) {
      const { mode } = lstatSync(join(own, 'root', name));
      assert.ok(
        (mode & 0o022) === 0 || (mode & 0o170000) === 0o120000,
        `${name} has mode ${mode.toString(8)}`,
      );
    }
  },
);

test(
  'as root: CVE-2024-38531: another user gets nowhere near a build that opens its directories',
  asRoot,
  async () => {
    const another = (script: string) =>
      spawnSync('setpriv', ['--reuid=65534', '--regid=65534', '--clear-groups', 'sh', '-c', script], {
        encoding: 'utf8',
      }).stdout.trim();
    // Nothing above the store is in the way.
    chmodSync(directory, 0o755);
    await inStore(directory, {}, async (store) => {
      const controller = new AbortController();
      const run = store.build(
        [attack('echo own > file; bb chmod 777 /build /nix/store; echo ready; bb sleep 100')],
        {
          signal: controller.signal,
        },
      );
      for await (const event of run) {
        if (event.type !== 'build.log' || controller.signal.aborted) continue;
        const { realStoreDir } = store.local.directories;
        const scratch = join(
          realStoreDir,
          readdirSync(realStoreDir).find((name) => name.endsWith('.chroot'))!,
        );
        const sleeper = spawnSync('pgrep', ['-f', '^/bin/busybox sleep 100$'], {
          encoding: 'utf8',
        }).stdout.trim();
        assert.match(sleeper, /^\d+$/);
        const ways = [`${scratch}/build`, `/proc/${sleeper}/root/build`, `/proc/${sleeper}/cwd`];
        const tries = ways.map((way) => `cat ${way}/file; touch ${way}/planted && echo planted`).join('; ');
        assert.equal(another(tries), '');
        // The control: it is the top of the scratch directory that keeps them out.
        spawnSync('chmod', ['0755', scratch]);
        assert.equal(another(tries), 'own\nplanted');
        controller.abort();
      }
      assert.equal((await run.result).results[0]?.status, 'Cancelled');
    });
  },
);

/** What somebody may have put where the scratch directory of a build will be, given what he is after. */
const planted: Readonly<Record<string, (scratch: string, target: string) => void>> = {
  'a symlink to a directory of the host': (scratch, target) => symlinkSync(target, scratch),
  'a directory full of links': (scratch, target) => {
    mkdirSync(join(scratch, 'build'), { recursive: true, mode: 0o777 });
    for (const name of ['store', 'private', 'tmp', 'root']) symlinkSync(target, join(scratch, name));
    for (const name of ['.attr-1', '.attrs.json'])
      symlinkSync(join(target, 'file'), join(scratch, 'build', name));
  },
  'a file': (scratch) => writeFileSync(scratch, 'planted'),
};
for (const [what, plant] of Object.entries(planted)) {
  test(
    `CVE-2025-52991, CVE-2025-52993: ${what} where a build will be made is in nobody’s way`,
    needs,
    async () => {
      const { place, file, intact } = canary();
      await inStore(directory, {}, async (store) => {
        const wanted = attack('bb cp .attr-* $out; bb ls -A /build | bb wc -l', {
          passAsFile: 'text',
          text: 'passed',
        });
        const { realStoreDir } = store.local.directories;
        const scratch = `${join(realStoreDir, wanted.drvPath.slice('/nix/store/'.length))}.chroot`;
        plant(scratch, place);
        assert.ok(lstatSync(scratch), 'the control: something is there');
        const run = store.build([wanted]);
        let log = '';
        for await (const event of run)
          if (event.type === 'build.log') log += Buffer.from(event.chunk).toString();
        const { error, outputs } = (await run.result).results[0]!;
        assert.equal(error, undefined);
        assert.equal(log, '1\n');
        assert.equal(readFileSync(store.local.realPath(outputs['out']!), 'utf8'), 'passed');
        assert.ok(!existsSync(scratch));
      });
      assert.ok(existsSync(file));
      intact();
    },
  );
}

test('CVE-2025-52991: builds make nothing in the directory for temporary files', needs, async () => {
  const open = join(directory, 'everybodys');
  mkdirSync(open);
  const before = process.env['TMPDIR'];
  process.env['TMPDIR'] = open;
  try {
    const { log } = await built(directory, attack('echo $TMPDIR $TMP; echo > $out'));
    assert.equal(log, '/build /build\n');
  } finally {
    if (before === undefined) delete process.env['TMPDIR'];
    else process.env['TMPDIR'] = before;
  }
  assert.deepEqual(readdirSync(open), []);
});

test(
  'GHSA-99wv-m8rp-g58x: a file for the builder is not written through what a restart has left',
  needs,
  async () => {
    const { place, file, intact } = canary();
    await inStore(directory, {}, async (store) => {
      // A build that is interrupted and made again finds nothing of the first.
      const wanted = attack(
        `bb ls -A /build /tmp | bb grep -v '^$'; bb rm -f .attr-*; for f in .attr-1 .attrs.json; do bb ln -s ${file} $f; done
       bb ln -s ${place} /nix/store/x; echo planted; bb test -e /build/once || bb sleep 0.2; echo > $out; exit 1`,
        { passAsFile: 'text', text: 'passed' },
      );
      for (let i = 0; i < 2; i++) {
        const run = store.build([wanted]);
        let log = '';
        for await (const event of run)
          if (event.type === 'build.log') log += Buffer.from(event.chunk).toString();
        await run.result;
        assert.match(log, /^\/build:\n\.attr-\S+\n\/tmp:\nplanted\n$/);
      }
    });
    intact();
  },
);

const failing: Readonly<
  Record<string, { readonly text?: string; readonly more?: Readonly<Record<string, unknown>> }>
> = {
  'before its builder starts': { more: { builder: '/bin/absent' } },
  'with its builder': {
    text: 'bb mkdir -m 777 $out /build/open; echo > $out/file; bb chmod 666 $out/file; exit 1',
  },
  killed: { text: 'bb mkdir -m 777 $out; kill -9 $$' },
  'without its output': { text: 'bb mkdir -m 777 $out-x /nix/store/y' },
  'with an output that is refused': { text: 'bb mkdir -m 777 $out; bb mkfifo -m 666 $out/x' },
  'with an output that others may write to': { text: 'bb mkdir -m 777 $out' },
  'with a hash that is not the one promised': {
    text: 'echo > $out',
    more: { outputHashMode: 'flat', outputHash: 'sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=' },
  },
};
for (const [how, { text = 'true', more = {} }] of Object.entries(failing)) {
  test(`CVE-2025-52992: nothing is left of a build that fails ${how}`, needs, async () => {
    await inStore(directory, { 'fixed-output-network': 'host' }, async (store) => {
      const run = store.build([attack(text, more)]);
      for await (const _ of run);
      assert.notEqual((await run.result).results[0]!.error, undefined);
      assert.deepEqual(leftoversIn(store), []);
    });
  });
}

test(
  'CVE-2026-34079, CVE-2024-23652: what is removed after a build is what is in it, links unfollowed',
  needs,
  async () => {
    const { place, file, intact } = canary();
    const links = `for d in /build /tmp /nix/store; do bb ln -s ${place} $d/directory; bb ln -s ${file} $d/file; bb ln -s ${place}/ $d/slash; done`;
    for (const end of ['echo > $out', 'exit 1']) {
      await buildOnce(directory, attack(`${links}; ${end}`));
      intact();
    }
    // In place of directories airplant has made itself, as far as that goes; what a builder may rename it may replace.
    const swaps = 'for d in /build /tmp /nix/store /etc; do bb mv $d /build/x 2>&1 || bb rmdir $d 2>&1; done';
    const { log } = await buildOnce(directory, attack(`${swaps}; bb ln -s ${place} /tmp; exit 1`));
    assert.match(log, /Device or resource busy|Read-only file system/);
    intact();
  },
);
