import { execFile, execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The real Nix, on a chroot store of the test's own, with nothing of the machine's configuration. */
export class RealNix {
  readonly store: string;
  readonly #env: NodeJS.ProcessEnv;

  /** `directory` is the test's; `store` is the chroot store's root (created by Nix when it does not exist). */
  constructor(directory: string, store: string) {
    this.store = store;
    const home = join(directory, 'nix-home');
    mkdirSync(join(home, 'conf'), { recursive: true });
    this.#env = {
      PATH: process.env['PATH'],
      HOME: home,
      NIX_CONF_DIR: join(home, 'conf'),
      NIX_CONFIG: configuration,
    };
  }

  /** Standard output of a command that must succeed, without the last newline. */
  run(program: string, ...args: string[]): string {
    const all = ['--store', this.store, ...args];
    return execFileSync(program, all, {
      env: this.#env,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    }).trimEnd();
  }

  /** A command that may fail. */
  try(program: string, ...args: string[]): { status: number | null; stdout: string; stderr: string } {
    return spawnSync(program, ['--store', this.store, ...args], { env: this.#env, encoding: 'utf8' });
  }

  /** The same while others run, with more in its environment. */
  async start(
    program: string,
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ): Promise<{ status: number | null; stdout: string; stderr: string }> {
    return await new Promise((resolve, reject) => {
      const options = { env: { ...this.#env, ...env }, encoding: 'utf8' } as const;
      const child = execFile(program, ['--store', this.store, ...args], options, (error, stdout, stderr) => {
        if (typeof error?.code === 'string') reject(error);
        else resolve({ status: child.exitCode, stdout, stderr });
      });
    });
  }

  /** Path of the .drv that an attribute of `test/fixtures/peer/derivations.nix` evaluates to. */
  instantiate(attribute: string): string {
    return this.run('nix-instantiate', fixture('peer/derivations.nix'), '-A', attribute);
  }

  /** `nix path-info --json` of paths, by path. */
  pathInfo(
    ...paths: string[]
  ): Map<
    string,
    { narHash: string; narSize: number; references: string[]; deriver?: string; ultimate?: boolean }
  > {
    const infos = JSON.parse(
      this.run('nix', '--extra-experimental-features', 'nix-command', 'path-info', '--json', ...paths),
    );
    return new Map((infos as { path: string }[]).map((info) => [info.path, info as never]));
  }
}

/** What the real Nix is configured with; airplant is told the same as `NIX_CONFIG`. */
export const configuration = [
  'substitute = false',
  'sandbox = true',
  'sandbox-paths = /bin/busybox',
  'build-users-group =',
  'max-jobs = 2',
  'cores = 2',
  // Nix shows /dev/kvm to every build where the machine has it, we to those that ask for it.
  'system-features = nixos-test benchmark big-parallel',
].join('\n');

/** Absolute path of a file below test/fixtures (of the sources: fixtures are not compiled). */
export function fixture(name: string): string {
  return fileURLToPath(new URL(`../../../test/fixtures/${name}`, import.meta.url));
}
