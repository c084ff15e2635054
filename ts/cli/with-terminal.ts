import { fstatSync } from 'node:fs';
import { isatty, type ReadStream, type WriteStream } from 'node:tty';
import { AirplantError } from '../base/errors.js';
import { native } from '../native.js';
import { LogTerminal } from '../sandbox/log-terminal.js';
import type { SandboxExit } from '../sandbox/spec.js';
import type { LentStreams } from './engine.js';

/**
 * Lends a program this process's standard streams. Where one is a terminal the program gets another one made for it alone,
 * and bytes are carried between the two: it can neither read what is typed later, nor push input into the caller's shell,
 * nor change its settings. What else they are it gets as they are, but no directory, through which it could leave its
 * sandbox.
 *
 * Throws ERR_USAGE for a standard stream that is a directory, and what `use` throws.
 */
export async function withTerminal(
  use: (streams: LentStreams) => Promise<SandboxExit>,
): Promise<SandboxExit> {
  const own = [0, 1, 2] as const;
  for (const fd of own) {
    if (!fstatSync(fd).isDirectory()) continue;
    throw new AirplantError('ERR_USAGE', `descriptor ${fd} is a directory, which no sandbox gets`);
  }
  const output = [process.stdout, process.stderr].find(({ isTTY }) => isTTY);
  if (!isatty(0) && !output) return await use({ stdio: own, terminal: false });

  const relay = new LogTerminal((chunk) => carry(chunk, output), 'usual');
  const typed = isatty(0) ? (process.stdin as ReadStream) : undefined;
  let restore: (() => void) | undefined;
  const resize = () => output && relay.resize(output.columns, output.rows);
  const type = (chunk: Buffer) => relay.write(chunk);
  try {
    resize();
    relay.read();
    output?.on('resize', resize);
    // Before anything is typed: what the program's own terminal makes of a key counts.
    if (typed) restore = rawInput();
    typed?.on('data', type);
    const { slave } = relay;
    const stdio = [typed ? slave : 0, isatty(1) ? slave : 1, isatty(2) ? slave : 2] as const;
    const exit = await use({ stdio, terminal: typed !== undefined });
    relay.finish();
    return exit;
  } finally {
    relay.close();
    typed?.off('data', type);
    restore?.();
    typed?.pause();
    output?.off('resize', resize);
  }
}

/** A promise holds the program back while the terminal takes no more. */
function carry(chunk: Uint8Array, output: WriteStream | undefined): Promise<void> | undefined {
  if (!output || output.write(chunk)) return undefined;
  return new Promise((resolve) => output.once('drain', () => resolve()));
}

/** Undone at the latest when this process exits. Not Node's raw mode, in which the terminal changes line ends. */
function rawInput(): () => void {
  const before = native.makeTerminalRaw(0);
  const restore = () => {
    process.off('exit', restore);
    native.setTerminal(0, before);
  };
  process.on('exit', restore);
  return restore;
}
