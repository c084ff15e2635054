import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { lstatSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CommandLine } from './command-line.js';
import { findProgram } from './requires.js';
import { temporaryDirectory } from './temporary.js';

/** What the command line is given, and how it has to refuse it. */
export interface Refusal {
  readonly argv: readonly string[];
  /** One of these. */
  readonly status: number | readonly number[];
  /** Of the line that begins with `error:`. */
  readonly error: RegExp;
  readonly hint?: RegExp;
  /** Of everything on standard error. */
  readonly stderr?: RegExp;
  /** A command to run it under, such as `unshare … sh -c 'preparation && exec "$@"' sh`. */
  readonly under?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  readonly input?: Buffer;
}

/** A working directory and a store of a test file's own, and the real program to run in them. */
export class Refusals {
  readonly directory: string;
  /** Where commands run. */
  readonly work: string;
  /** Of the store that builds are made in. */
  readonly root: string;

  constructor(name: string) {
    this.directory = temporaryDirectory(name);
    this.work = join(this.directory, 'work');
    this.root = join(this.directory, 'root');
    mkdirSync(this.work);
  }

  /** A module that exports one derivation made of these attributes, and settings. */
  moduleFile(
    name: string,
    attributes: Readonly<Record<string, unknown>>,
    settings: Readonly<Record<string, unknown>> = {},
  ): string {
    const all = { name: 'x', system: 'x86_64-linux', builder: '/bin/busybox', ...attributes };
    const file = join(this.work, `${name}.mjs`);
    const busybox = findProgram('busybox') ?? '/bin/busybox';
    writeFileSync(
      file,
      `import { derivation } from 'airplant';
     export const settings = ${JSON.stringify({
       system: 'x86_64-linux',
       'sandbox-paths': [`/bin/busybox=${busybox}`, '/etc/passwd'],
       ...settings,
     })};
     export default derivation(${JSON.stringify(all)});`,
    );
    return file;
  }

  /**
   * Runs the program: one sentence, a hint, the right status, no stack trace, nothing on standard output, and nothing
   * left behind.
   */
  expect(refusal: Refusal): void {
    const { under = [], env = {}, input } = refusal;
    const before = this.#contents();
    const [program, ...args] = [...under, process.execPath, main, ...this.#argv(refusal)];
    const { status, stdout, stderr } = spawnSync(program!, args, {
      cwd: this.work,
      encoding: 'utf8',
      timeout: 300_000,
      env: {
        PATH: process.env['PATH'],
        HOME: this.directory,
        NIX_CONF_DIR: this.directory,
        XDG_CONFIG_DIRS: this.directory,
        ...env,
      },
      ...(input ? { input } : { stdio: ['ignore', 'pipe', 'pipe'] as const }),
    });
    this.#assert(refusal, { status, stdout, stderr }, before);
  }

  /** The same in this process, which is much faster. */
  async expectHere(refusal: Omit<Refusal, 'under' | 'env' | 'input'>): Promise<void> {
    const before = this.#contents();
    const commandLine = new CommandLine(this.directory, { PATH: process.env['PATH'] ?? '' });
    const { status, stdout, stderr } = await commandLine.run(this.#argv(refusal));
    this.#assert(refusal, { status, stdout: stdout.toString(), stderr }, before);
  }

  #argv({ argv }: Refusal): string[] {
    const store = argv[0] === 'build' && !argv.includes('--store') ? ['--store', this.root] : [];
    const flags = argv[0] === 'build' ? ['--no-link', ...store] : [];
    return [...argv, ...flags];
  }

  #assert(
    refusal: Refusal,
    { status, stdout, stderr }: { status: number | null; stdout: string; stderr: string },
    before: readonly string[],
  ): void {
    const { error, hint } = refusal;
    assert.ok([refusal.status].flat().includes(status!), `status ${status}: ${stderr}`);
    assert.equal(stdout, '');
    const lines = stderr.split('\n');
    assert.equal(lines.filter((line) => line.startsWith('error: ')).length, 1, stderr);
    assert.match(lines.find((line) => line.startsWith('error: '))!, error);
    if (refusal.stderr) assert.match(stderr, refusal.stderr);
    assert.match(lines.find((line) => /^\s*hint: ./.test(line)) ?? '', hint ?? /./, stderr);
    assert.doesNotMatch(stderr, /^\s+at .*:\d+:\d+/m);
    assert.doesNotMatch(stderr, /internal error/);
    assert.deepEqual(this.#contents(), before);
  }

  /** Everything in the working directory and the store, but for the lock files and `.drv` files that Nix leaves too. */
  #contents(): string[] {
    const realStore = join(this.root, 'nix/store');
    const inStore = lstatSync(realStore, { throwIfNoEntry: false }) ? readdirSync(realStore) : [];
    return [
      ...readdirSync(this.work),
      ...inStore.filter((name) => name !== '.links' && !/\.(lock|drv)$/.test(name)),
    ].sort();
  }
}

const main = fileURLToPath(new URL('../../ts/main.js', import.meta.url));
