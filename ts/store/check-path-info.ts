import { AirplantError } from '../base/errors.js';
import { quote } from '../base/quote.js';
import { compareText } from '../base/text.js';
import { parseContentAddress } from '../formats/content-address.js';
import { parseStorePath } from '../formats/store-path.js';
import type { PathInfo } from './path-info.js';

/**
 * The same information, references sorted and each once, after a look at every field: nothing may reach the
 * database that a reader of it would choke on. Throws ERR_STORE_PATH, ERR_HASH_SYNTAX, ERR_SIGNATURE or
 * ERR_OUTPUT_REJECTED.
 */
export function checkPathInfo(storeDir: string, info: PathInfo): PathInfo {
  const { path, narHash, narSize, deriver, registrationTime, contentAddress } = info;
  for (const text of [path, ...info.references, ...(deriver === undefined ? [] : [deriver])])
    parseStorePath(storeDir, text);
  if (narHash.algorithm !== 'sha256' || !/^[0-9a-f]{64}$/.test(narHash.hex))
    throw rejected(path, `its NAR hash is not the 64 digits of a sha256, but ${quote(narHash.hex)}`);
  for (const [what, number] of Object.entries({ narSize, registrationTime })) {
    if (!Number.isSafeInteger(number) || number < 0) throw rejected(path, `its ${what} is ${number}`);
  }
  for (const signature of info.signatures) {
    if (!/^[^\s:]+:[A-Za-z0-9+/]+=*$/.test(signature)) {
      throw new AirplantError(
        'ERR_SIGNATURE',
        `${quote(path)} has a malformed signature ${quote(signature)}`,
        {
          hint: 'A signature is `key name:base64`.',
          details: { path },
        },
      );
    }
  }
  if (contentAddress !== undefined) parseContentAddress(contentAddress);
  return { ...info, references: [...new Set(info.references)].sort(compareText) };
}

function rejected(path: string, why: string): AirplantError {
  return new AirplantError('ERR_OUTPUT_REJECTED', `${quote(path)} cannot be registered: ${why}`, {
    details: { path },
  });
}
