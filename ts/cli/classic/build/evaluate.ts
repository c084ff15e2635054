import { spawn } from 'node:child_process';
import { readlink, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dir } from 'tmp-promise';
import { AirplantError } from '../../../base/errors.js';
import { findProgram } from '../../../base/find-program.js';
import { decodeText } from '../../../base/text.js';
import type { Store } from '../../../open.js';
import { storeUri } from '../../../store/directories.js';
import type { CommandContext } from '../../command.js';
import type { WantedOutput } from './build-expressions.js';

/**
 * Evaluates expressions with a real Nix, which writes the derivations into our store, and returns what they want; or
 * the exit status of a Nix that has said what is wrong. The derivations are kept from collectors until the store is
 * closed.
 *
 * Throws ERR_FILE if there is no `nix-instantiate` in `PATH`.
 */
export async function evaluate(
  words: readonly string[],
  store: Store,
  context: CommandContext,
): Promise<WantedOutput[] | number> {
  const program = findProgram('nix-instantiate', context.env['PATH'] ?? '');
  if (program === undefined) {
    throw new AirplantError(
      'ERR_FILE',
      'expressions are evaluated by nix-instantiate, which is not in PATH',
      {
        hint: 'Install Nix, or name .drv files of the store, which need no evaluation.',
      },
    );
  }
  // Links that are roots hold the derivations from the moment Nix has written them.
  const links = await dir({
    prefix: 'nix-build-',
    tmpdir: context.env['TMPDIR'] || tmpdir(),
    unsafeCleanup: true,
  });
  try {
    const place = ['--store', storeUri(store.local.directories)];
    const roots = ['--add-root', join(links.path, 'drv'), '--indirect'];
    const { status, stdout } = await run(program, [...words, ...place, ...roots], context);
    if (status !== 0) return status;
    return await wantedOutputs(stdout, store);
  } finally {
    await links.cleanup();
  }
}

/** Lines are links to derivations; outputs but `out` follow an exclamation mark. */
async function wantedOutputs(stdout: string, store: Store): Promise<WantedOutput[]> {
  const wanted: WantedOutput[] = [];
  for (const line of stdout.split('\n').filter(Boolean)) {
    const [, link = line, output = 'out'] = /^(.*\/drv(?:-[0-9]+)?)(?:!(.*))?$/.exec(line) ?? [];
    const drvPath = await readlink(link);
    await store.local.addTempRoot(drvPath);
    await rm(await store.local.addIndirectRoot(link), { force: true });
    wanted.push({ drvPath, output });
  }
  return wanted;
}

/** What it says goes to standard error; its input is ours, for `-`. */
function run(
  program: string,
  words: readonly string[],
  { cwd, env, stderr, interrupts }: CommandContext,
): Promise<{ status: number; stdout: string }> {
  const { signal } = interrupts;
  return new Promise((resolve, reject) => {
    const child = spawn(program, words, { cwd, env: { ...env }, stdio: ['inherit', 'pipe', 'pipe'], signal });
    const chunks: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
    child.stderr.setEncoding('utf8').on('data', (text: string) => stderr.write(text));
    child.on('error', (error) => reject(signal.aborted ? signal.reason : error));
    child.on('close', (status) =>
      resolve({ status: status ?? 1, stdout: decodeText(Buffer.concat(chunks)) }),
    );
  });
}
