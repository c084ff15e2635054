import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { decodeText } from '../base/text.js';

/** The interpreter a script names after `#!`, or undefined for a file that is no script. Never throws. */
export function readScriptInterpreter(path: string): string | undefined {
  let descriptor: number;
  try {
    // O_NONBLOCK: opening a FIFO must not hang.
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch {
    return undefined;
  }
  try {
    if (!fstatSync(descriptor).isFile()) return undefined;
    const buffer = Buffer.alloc(lineLimit);
    return parseScriptInterpreter(buffer.subarray(0, readSync(descriptor, buffer, 0, lineLimit, 0)));
  } catch {
    return undefined;
  } finally {
    closeSync(descriptor);
  }
}

/** The same of the first bytes of a file. As the kernel (binfmt_script): blanks around the path do not count. */
export function parseScriptInterpreter(bytes: Uint8Array): string | undefined {
  if (bytes[0] !== 0x23 || bytes[1] !== 0x21) return undefined;
  const line = decodeText(bytes).slice(2).split('\n', 1)[0]!;
  return /^[ \t]*(\/[^ \t\0]*)/.exec(line)?.[1];
}

/** BINPRM_BUF_SIZE: the kernel looks no further. */
const lineLimit = 256;
