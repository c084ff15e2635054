// Makes `npx airplant` work in this checkout: npm links a package's programs where it is installed, not where it is
// developed. The npx of npm 11 does not look here for the package it is run in, and runs the script `prepare` once
// instead, which finds everything compiled.
import { chmodSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const packageRoot = dirname(dirname(fileURLToPath(import.meta.url)));
const program = join(packageRoot, 'dist/ts/main.js');
const link = join(packageRoot, 'node_modules/.bin/airplant');

chmodSync(program, 0o755);
mkdirSync(dirname(link), { recursive: true });
rmSync(link, { force: true });
symlinkSync('../../dist/ts/main.js', link);
