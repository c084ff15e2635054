import { decodeText } from '../base/text.js';
import { readProgram } from './read-program.js';

/** The interpreter a script names after `#!`, or undefined for a file that is no script. Never throws. */
export function readScriptInterpreter(path: string): string | undefined {
  return readProgram(path, (read) => parseScriptInterpreter(read(0, lineLimit)));
}

/** The same of the first bytes of a file. As the kernel (binfmt_script): blanks around the path do not count. */
export function parseScriptInterpreter(bytes: Uint8Array): string | undefined {
  if (bytes[0] !== 0x23 || bytes[1] !== 0x21) return undefined;
  const line = decodeText(bytes).slice(2).split('\n', 1)[0]!;
  return /^[ \t]*(\/[^ \t\0]*)/.exec(line)?.[1];
}

/** BINPRM_BUF_SIZE: the kernel looks no further. */
const lineLimit = 256;
