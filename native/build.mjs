// Compiles native/ (addon and launcher) with node-gyp.
//
// node-gyp would download Node's headers; where they lie beside the node binary (<prefix>/include/node, as in
// the official tarballs and most packages) it is pointed at them, so that a build needs no network at all.
import { spawnSync } from 'node:child_process';
import { existsSync, realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const packageRoot = dirname(dirname(fileURLToPath(import.meta.url)));
const nodeGyp = createRequire(import.meta.url).resolve('node-gyp/bin/node-gyp.js');

// Not `rebuild`, which compiles all anew: npx prepares a package once more before it runs its program the first time.
const args = ['configure', 'build', '--release', ...process.argv.slice(2)];
const prefix = dirname(dirname(realpathSync(process.execPath)));
if (existsSync(join(prefix, 'include', 'node', 'node_version.h'))) args.push(`--nodedir=${prefix}`);

const { status, error } = spawnSync(process.execPath, [nodeGyp, ...args], {
  cwd: packageRoot,
  stdio: ['ignore', process.env.CI || process.env.AIRPLANT_VERBOSE_BUILD ? 'inherit' : 'ignore', 'inherit'],
  env: {
    ...process.env,
    MAKEFLAGS: process.env.MAKEFLAGS ?? '-j2',
    // With the address and undefined behaviour sanitisers, for tests.
    ...(process.env.AIRPLANT_SANITIZE === '1' ? { GYP_DEFINES: 'sanitize=1' } : {}),
  },
});
if (error) throw error;
process.exit(status ?? 1);
