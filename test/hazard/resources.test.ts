import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { openStore } from '../../ts/index.js';
import { compileFixture } from '../support/compile.js';
import { requires } from '../support/requires.js';
import { buildLogged, scriptDerivation } from '../support/scripts.js';
import { temporaryDirectory } from '../support/temporary.js';

// Builders that take all there is: what becomes of the others, and of airplant itself.
const needs = requires('user-namespaces', 'program:busybox', 'program:cc');
const directory = temporaryDirectory('resources');
const main = fileURLToPath(new URL('../../ts/main.js', import.meta.url));

async function open(more: Readonly<Record<string, string>> = {}) {
  const paths = ['/bin/busybox', ...Object.entries(more).map(([target, path]) => `${target}=${path}`)];
  return await openStore({
    store: join(directory, 'root'),
    settings: { 'sandbox-paths': paths, 'max-jobs': 2 },
  });
}

const fills: Readonly<Record<string, { options: string; fill: string }>> = {
  'X3: a full disk fails the build and nothing else': {
    options: 'size=48m',
    fill: 'bb head -c 100m /dev/zero > fill',
  },
  'X4: a disk without inodes fails the build and nothing else': {
    options: 'nr_inodes=600',
    fill: 'bb seq 100000 | bb xargs /bin/busybox touch',
  },
};
for (const [what, { options, fill }] of Object.entries(fills)) {
  test(what, needs, () => {
    const place = join(directory, options.replace('=', '-'));
    mkdirSync(place);
    const file = (name: string, script: string) => {
      const path = join(place, `${name}.mjs`);
      writeFileSync(
        path,
        `import { derivation } from 'airplant';
         export const settings = { 'extra-sandbox-paths': ['/bin/busybox'] };
         export default derivation({ name: '${name}', builder: '/bin/busybox',
           args: ['sh', '-ec', ${JSON.stringify(`bb() { /bin/busybox "$@"; }\n${script}`)}] });`,
      );
      return path;
    };
    const build = (path: string) => `"$NODE" "$MAIN" build ${path} --store ${place}/disk/store --no-link`;
    // The disk is there for as long as the script runs. On standard output: the status of each build.
    const script = `
      mkdir ${place}/disk && mount -t tmpfs -o ${options} tmpfs ${place}/disk || exit 1
      ${build(file('fill', fill))} >&2; echo $?
      ls -A ${place}/disk/store/nix/store | grep -c chroot
      ${build(file('small', 'echo > $out'))} >&2; echo $?`;
    const { stdout, stderr } = spawnSync('unshare', ['-Urm', 'sh', '-c', script], {
      encoding: 'utf8',
      env: { ...process.env, NODE: process.execPath, MAIN: main },
    });
    assert.match(stderr, /No space left on device|ENOSPC/);
    assert.equal(stdout, `${options.startsWith('size') ? 1 : 100}\n0\n0\n`, stderr);
  });
}

test('X11: what one build exhausts, another can do without', needs, async () => {
  await using store = await open({ '/hostile': compileFixture('hostile') });
  const controller = new AbortController();
  const greedy = store.build([scriptDerivation('greedy', '/hostile exhaust all')], {
    signal: controller.signal,
  });
  let other: Awaited<ReturnType<typeof buildLogged>> | undefined;
  for await (const event of greedy) {
    if (event.type !== 'build.log' || other) continue;
    const { log, error } = await buildLogged(
      store,
      scriptDerivation('modest', 'bb mkfifo f; bb seq 9 | bb cat; echo > $out'),
    );
    assert.equal(error, undefined, log);
    controller.abort();
  }
  assert.equal((await greedy.result).results[0]?.status, 'Cancelled');
});
