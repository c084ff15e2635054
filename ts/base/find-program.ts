import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';

/** Absolute path of an executable file: looked up in the search path unless its name has a slash. Undefined: there is none. */
export function findProgram(name: string, searchPath: string): string | undefined {
  if (name === '') return undefined;
  if (name.includes('/')) return isAbsolute(name) && isProgram(name) ? name : undefined;
  return searchPath
    .split(delimiter)
    .filter(isAbsolute)
    .map((directory) => join(directory, name))
    .find(isProgram);
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch (error) {
    // Short of memory, nothing is known of the file; who tries to start it will be told why not.
    return (error as NodeJS.ErrnoException).code === 'ENOMEM';
  }
}
