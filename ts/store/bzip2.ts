import { type ChildProcess, spawn } from 'node:child_process';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { AirplantError } from '../base/errors.js';

/** Replaces the file by `<file>.bz2`. Where that fails (no bzip2, no space), the plain log stays, which is as good. */
export async function compressFile(file: string): Promise<void> {
  const partial = `${file}.bz2.tmp-${process.pid}`;
  let source: FileHandle | undefined;
  let target: FileHandle | undefined;
  try {
    source = await open(file, 'r');
    target = await open(partial, 'wx', 0o644);
    await exitOf(spawn('bzip2', ['-c'], { stdio: [source.fd, target.fd, 'ignore'] }));
    await rename(partial, `${file}.bz2`);
    await rm(file);
  } catch {
    await rm(partial, { force: true });
  } finally {
    await source?.close();
    await target?.close();
  }
}

/** The bytes a compressed file stands for. Throws ERR_FILE if it is none, or if there is no bzip2. */
export async function* decompressFile(file: string): AsyncGenerator<Uint8Array, void, undefined> {
  const source = await open(file, 'r');
  try {
    const child = spawn('bzip2', ['-dc'], { stdio: [source.fd, 'pipe', 'ignore'] });
    const exit = exitOf(child);
    // Looked at below, once the output has ended.
    exit.catch(() => {});
    try {
      yield* child.stdout! as AsyncIterable<Uint8Array>;
      await exit;
    } finally {
      child.kill();
    }
  } catch (cause) {
    throw new AirplantError('ERR_FILE', `the log '${file}' cannot be decompressed`, {
      hint: 'Install bzip2, or decompress it elsewhere.',
      cause,
      details: { file },
    });
  } finally {
    await source.close();
  }
}

function exitOf(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => {
      if (code === 0) resolve();
      else reject(new Error(`bzip2 ended with ${signal ?? `exit status ${code}`}`));
    });
  });
}
