import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import {
  formatPublicKey,
  formatSecretKey,
  generateSecretKey,
  publicKeyOf,
} from '../../../formats/signature.js';
import { takeFlags } from '../operation-flags.js';
import type { Operation } from '../operations.js';
import { usage } from '../usage.js';

/** `--generate-binary-cache-key NAME SECRET-FILE PUBLIC-FILE`: a new pair of keys for signing. */
export const generateKey: Operation = async (call) => {
  takeFlags(call, []);
  const { operands, context } = call;
  if (operands.length !== 3) throw usage('three arguments expected');
  const [name, secretFile, publicFile] = operands as [string, string, string];
  const key = generateSecretKey(name);
  await writeFile(resolve(context.cwd, publicFile), formatPublicKey(publicKeyOf(key)));
  // Readable to nobody else.
  await writeFile(resolve(context.cwd, secretFile), formatSecretKey(key), { mode: 0o600 });
  return 0;
};
