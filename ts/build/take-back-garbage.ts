import { idSupply } from '../config/id-supply.js';
import { takeBack } from '../sandbox/take-back.js';
import { takeBackMaps } from './builder-ids.js';

/**
 * For a collector that may not remove what is in a directory: makes that the caller's, if it is what a builder with ids of its
 * own has left. False where builders have none. `searchPath` is where the programs are that map ids.
 *
 * Throws what `takeBack` throws.
 */
export async function takeBackGarbage(directory: string, searchPath: string): Promise<boolean> {
  const caller = { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0, groups: [] };
  const idMaps = takeBackMaps({ supply: idSupply(searchPath), caller });
  if (!idMaps) return false;
  await takeBack(directory, idMaps);
  return true;
}
