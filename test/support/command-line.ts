import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { runProgram } from '../../ts/cli/program.js';
import { systemEngine } from '../../ts/cli/system-engine.js';

export interface CommandLineResult {
  readonly status: number;
  readonly stdout: Buffer;
  readonly stderr: string;
}

/** The command line with the real engine, in this process: nothing is spawned, so that hundreds of runs take a second. */
export class CommandLine {
  readonly #directory: string;
  readonly #env: Readonly<Record<string, string>>;

  /** `directory` is where commands run, where they find no configuration, and where their output is kept. */
  constructor(directory: string, env: Readonly<Record<string, string>> = {}) {
    this.#directory = directory;
    this.#env = { HOME: directory, NIX_CONF_DIR: directory, XDG_CONFIG_DIRS: directory, ...env };
  }

  async run(argv: readonly string[], input: readonly Uint8Array[] = []): Promise<CommandLineResult> {
    const file = join(this.#directory, '.stdout');
    const fd = openSync(file, 'w');
    let stderr = '';
    try {
      const status = await runProgram(argv, {
        env: this.#env,
        cwd: this.#directory,
        stdin: () => Readable.from(input),
        stdout: {
          isTTY: false,
          fd,
          write: async (data) => {
            writeSync(fd, data as Uint8Array);
          },
        },
        stderr: {
          write: (text) => {
            stderr += text;
          },
        },
        interrupts: { signal: new AbortController().signal, exitStatus: 0, leaveToChild: () => {} },
        engine: systemEngine,
      });
      return { status, stdout: readFileSync(file), stderr };
    } finally {
      closeSync(fd);
    }
  }
}
