import { AirplantError } from '../../base/errors.js';
import { quote } from '../../base/quote.js';
import type { NarEvent } from './event.js';

/**
 * What stands after a name that another one of its directory differs from only in case, a number following, so that
 * both fit where the file system ignores case. `native.dumpTree` and `native.hashTree` leave it out again.
 */
export const caseHackSuffix = '~nix~case~hack~';

/**
 * The events of a NAR with the names its files get on disk, the ones Nix gives them with `use-case-hack`: of names that
 * differ only in the case of ASCII letters the first stays, the others become `name~nix~case~hack~1`, `…2` and so on.
 *
 * Throws ERR_NAR for a name that holds the suffix already: no dump would bring it back.
 */
export async function* withCaseHack(
  events: AsyncIterable<NarEvent> | Iterable<NarEvent>,
): AsyncGenerator<NarEvent, void, undefined> {
  /** One for each open directory: how often a name has come, by its lower-case form. */
  const open: Map<string, number>[] = [];
  for await (const event of events) {
    if (event.kind === 'directory') open.push(new Map());
    if (event.kind === 'directory-end') open.pop();
    yield event.kind === 'entry' ? { kind: 'entry', name: nameOnDisk(event.name, open.at(-1)!) } : event;
  }
}

/**
 * What native code says of a directory that holds two names for one (`EEXIST`), or a name that is nothing but the
 * suffix (`EINVAL`), as ERR_UNSUPPORTED_FILE; undefined for any other error.
 */
export function caseHackError(error: unknown): AirplantError | undefined {
  const { code, syscall, path } = error as NodeJS.ErrnoException;
  if (syscall !== 'readdir' || (code !== 'EEXIST' && code !== 'EINVAL')) return undefined;
  const what = code === 'EEXIST' ? 'holds two files whose names are the same' : 'has no name at all';
  return new AirplantError(
    'ERR_UNSUPPORTED_FILE',
    `${quote(path ?? '')} ${what} without the suffix ${caseHackSuffix}`,
    { hint: 'Rename the file, or set `use-case-hack` to false.', cause: error, details: { path } },
  );
}

function nameOnDisk(name: string, earlier: Map<string, number>): string {
  if (name.includes(caseHackSuffix)) {
    throw new AirplantError(
      'ERR_NAR',
      `the name ${quote(name)} in the archive holds the suffix of the case hack, so it cannot be unpacked`,
      { hint: 'With `use-case-hack = false` it can, where the file system tells upper from lower case.' },
    );
  }
  const folded = name.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
  const count = earlier.get(folded);
  earlier.set(folded, (count ?? -1) + 1);
  return count === undefined ? name : `${name}${caseHackSuffix}${count + 1}`;
}
